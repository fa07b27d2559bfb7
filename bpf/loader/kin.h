/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes of a tree, living and dead, by identity: what an attach finds out of who descends from whom. */
#ifndef AGENTGOV_KIN_H
#define AGENTGOV_KIN_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "include/events.h"

struct kinsman {
    struct ag_id id;
    __u64
        since; /* the kernel itself marks what it forks later than this (CLOCK_BOOTTIME, ns); 0: it was never marked */
    bool born; /* marked by the kernel, at its birth */
    bool marked; /* marked by the loader */
    __u8 before; /* whose it was until then, of this set (AG_NOBODY) */
};

struct kin {
    struct kinsman *slots; /* open addressing; one that is free has no start */
    size_t count, cap;
};

void kin_free(struct kin *k);

/* NULL: not one of them. Valid until the next kin_add(). */
struct kinsman *kin_find(const struct kin *k, const struct ag_id *id);

/* The entry, new or old; NULL without memory. */
struct kinsman *kin_add(struct kin *k, const struct ag_id *id);

#endif
