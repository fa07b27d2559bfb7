/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include "objects.h"

void objects_free(struct objects *o) {
    for (int i = 0; i < OBJECT_SLOTS; i++)
        free(o->slots[i].bytes);
    memset(o, 0, sizeof(*o));
}

/* Few threads are between hook and result at once; two in one slot cost only a resolved name. */
static struct object *slot_of(struct objects *o, __u32 tid) {
    return &o->slots[tid % OBJECT_SLOTS];
}

void objects_put(struct objects *o, const struct record *r, const void *bytes, size_t size) {
    struct object *slot = slot_of(o, r->head.tid);
    char *copy = realloc(slot->bytes, size);
    if (!copy)
        return;
    memcpy(copy, bytes, size);
    *slot = (struct object){.tid = r->head.tid, .size = size, .bytes = copy};
}

/* An object of one call must not name what another one did: an open that creates passes hooks of its own. */
static bool belongs(enum ag_op hook, enum syscall_op op) {
    switch (hook) {
    case AG_OP_MKNOD:
    case AG_OP_MKDIR:
        return op == OP_CREATE;
    case AG_OP_SYMLINK:
        return op == OP_SYMLINK;
    case AG_OP_UNLINK:
    case AG_OP_RMDIR:
        return op == OP_DELETE;
    case AG_OP_LINK:
        return op == OP_LINK;
    case AG_OP_RENAME:
        return op == OP_RENAME;
    case AG_OP_TRUNCATE:
        return op == OP_TRUNCATE;
    case AG_OP_CHMOD:
        return op == OP_CHMOD;
    case AG_OP_CHOWN:
        return op == OP_CHOWN;
    default:
        return false;
    }
}

/* The hook runs before the call: what is only about to be made has no name in its directory yet, but is not deleted. */
static void replace(struct record *r, const struct record *object, bool second, bool second_in_record, bool exists) {
    const struct part *path = record_part(object, AG_PART_PATH, second);
    if (!path)
        return;
    unsigned kept = 0;
    for (unsigned i = 0; i < r->count; i++) {
        const struct part *part = &r->parts[i];
        bool name = part->type == AG_PART_ASKED || part->type == AG_PART_BASE || part->type == AG_PART_PATH;
        if (!name || !(part->flags & AG_PART_SECOND) != !second_in_record)
            r->parts[kept++] = *part;
    }
    r->count = kept;
    struct part put = *path;
    put.flags = (path->flags & ~AG_PART_SECOND) | (second_in_record ? AG_PART_SECOND : 0);
    if (!exists)
        put.flags &= ~AG_PART_DELETED;
    if (r->count < RECORD_PARTS_MAX)
        r->parts[r->count++] = put;
}

bool objects_join(struct objects *o, struct record *r, enum syscall_op op) {
    struct object *slot = slot_of(o, r->head.tid);
    struct record object;
    if (!slot->size || slot->tid != r->head.tid)
        return false;
    bool fits = record_parse(slot->bytes, slot->size, &object) && object.head.pid == r->head.pid &&
                r->head.kind == AG_PATH && belongs(object.head.arg[0], op);
    slot->size = 0;
    if (!fits)
        return false;
    if (op == OP_SYMLINK) { /* the hook's object is the new link, the call's second name */
        replace(r, &object, false, true, false);
        return true;
    }
    replace(r, &object, false, false, op != OP_CREATE);
    replace(r, &object, true, true, false);
    return true;
}
