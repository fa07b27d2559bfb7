/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What did not reach the log, by class and reason: the kernel's counters and our own, told as differences. */
#ifndef AGENTGOV_LOSS_H
#define AGENTGOV_LOSS_H

#include "buf.h"
#include <linux/types.h>
#include "include/events.h"

/* Reasons of user space, behind those of the kernel (enum ag_loss). */
enum own_loss {
    LOSS_MEMORY = AG_LOSS_MAX, /* no memory for a record, or for what a count stands for */
    LOSS_MALFORMED,            /* a record that is not well-formed */
    LOSS_RECURSION,            /* runs that the kernel skipped (tier_missed) */
    LOSS_REASONS,
};

struct losses {
    int map; /* `counters`; -1: none */
    __u32 row;
    int cpus;
    struct ag_counters *values;             /* one for each possible CPU */
    __u64 seen[AG_CLASS_MAX][LOSS_REASONS]; /* totals */
    __u64 told[AG_CLASS_MAX][LOSS_REASONS];
    __u64 records[AG_CLASS_MAX]; /* of the kernel, the lost ones among them, when it was last read */
};

/* False without memory. `map` is the fd of the kernel's `counters`, `row` the agent's number. */
bool losses_init(struct losses *l, int map, __u32 row, int cpus);
void losses_free(struct losses *l);

/* User space lost `n` records. */
void losses_add(struct losses *l, enum ag_class cls, enum own_loss reason, __u64 n);

/* The kernel's total of a reason that is counted elsewhere. */
void losses_set(struct losses *l, enum ag_class cls, enum own_loss reason, __u64 total);

/* Reads the kernel's counters and appends a "lost" line for everything that is new. */
void losses_tell(struct losses *l, struct buf *out);

/* Adds up `values` into `seen` and `records`. */
void losses_sum(struct losses *l);

/* Records of the kernel that are neither verdicts nor plaintext. */
__u64 losses_other_records(const struct losses *l);

/* Total of a class. */
__u64 losses_of(const struct losses *l, enum ag_class cls);

#endif
