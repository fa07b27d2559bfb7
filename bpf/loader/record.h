/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A record of a ring (include/events.h), taken apart. Its bytes come from memory that a governed process wrote, so
 * every length is checked here, once, and nobody behind this door looks at raw offsets.
 */
#ifndef AGENTGOV_RECORD_H
#define AGENTGOV_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "include/events.h"

#define RECORD_PARTS_MAX 8 /* an exec has six, everything else at most four */
#define RECORD_SIZE_MAX (sizeof(struct ag_record) + 65536)

struct part {
    const char *data;
    __u16 len;
    __u8 type;
    __u8 flags; /* enum ag_part_flag */
};

struct record {
    struct ag_record head; /* a copy: the bytes themselves may stand anywhere */
    struct part parts[RECORD_PARTS_MAX];
    unsigned count;
};

/* Takes `size` bytes apart; the parts point into them. False when they are not one whole, well-formed record. */
bool record_parse(const void *bytes, size_t size, struct record *out);

/* The part of that type, the first one or the second; NULL when there is none. */
const struct part *record_part(const struct record *r, enum ag_part_type type, bool second);

/* Appends a part to a record under construction (what user space itself has to tell). False when it has no room. */
bool record_append(void *bytes, size_t cap, enum ag_part_type type, __u8 flags, const void *data, size_t len);

/* Puts a record together again from its parts (some may have been exchanged). Its size, 0 when `cap` is too small. */
size_t record_pack(const struct record *r, void *out, size_t cap);

/* Bytes of the whole record that starts here. */
static inline size_t record_size(const void *bytes) {
    return sizeof(struct ag_record) + ((const struct ag_record *)bytes)->size;
}

#endif
