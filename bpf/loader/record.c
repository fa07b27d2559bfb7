/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdint.h>
#include <string.h>
#include "record.h"

bool record_parse(const void *bytes, size_t size, struct record *out) {
    if (size < sizeof(out->head))
        return false;
    memcpy(&out->head, bytes, sizeof(out->head));
    const struct ag_record *head = &out->head;
    if (head->kind == 0 || head->kind >= AG_KIND_MAX || head->cls >= AG_CLASS_MAX || head->parts > RECORD_PARTS_MAX ||
        head->size != size - sizeof(*head))
        return false;
    const char *at = (const char *)bytes + sizeof(*head);
    size_t left = head->size;
    for (out->count = 0; out->count < head->parts; out->count++) {
        struct ag_part part; /* parts follow each other without padding: not aligned */
        if (left < sizeof(part))
            return false;
        memcpy(&part, at, sizeof(part));
        at += sizeof(part);
        left -= sizeof(part);
        if (left < part.len)
            return false;
        out->parts[out->count] = (struct part){.data = at, .len = part.len, .type = part.type, .flags = part.flags};
        at += part.len;
        left -= part.len;
    }
    return left == 0;
}

const struct part *record_part(const struct record *r, enum ag_part_type type, bool second) {
    for (unsigned i = 0; i < r->count; i++)
        if (r->parts[i].type == type && !(r->parts[i].flags & AG_PART_SECOND) == !second)
            return &r->parts[i];
    return NULL;
}

bool record_append(void *bytes, size_t cap, enum ag_part_type type, __u8 flags, const void *data, size_t len) {
    struct ag_record *head = bytes;
    struct ag_part part = {.len = (__u16)len, .type = type, .flags = flags};
    size_t at = record_size(bytes);
    if (len > UINT16_MAX || at > cap || cap - at < sizeof(part) + len || head->parts >= RECORD_PARTS_MAX)
        return false;
    memcpy((char *)bytes + at, &part, sizeof(part));
    memcpy((char *)bytes + at + sizeof(part), data, len);
    head->size += sizeof(part) + len;
    head->parts++;
    return true;
}

size_t record_pack(const struct record *r, void *out, size_t cap) {
    struct ag_record head = r->head;
    if (cap < sizeof(head))
        return 0;
    head.size = 0;
    head.parts = 0;
    memcpy(out, &head, sizeof(head));
    for (unsigned i = 0; i < r->count; i++) {
        const struct part *part = &r->parts[i];
        if (!record_append(out, cap, part->type, part->flags, part->data, part->len))
            return 0;
    }
    return record_size(out);
}
