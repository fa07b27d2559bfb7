/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All processes that agentgov's PID namespace shows, as the kernel's own list has them (bpf/tasks.bpf.h). */
#ifndef AGENTGOV_TASKLIST_H
#define AGENTGOV_TASKLIST_H

#include <stddef.h>
#include <linux/types.h>
#include "include/tasks.h"
#include "iter.h"

struct agentgov_bpf;

struct tasklist {
    const struct ag_task *rows; /* of the last reading, sorted by pid */
    size_t count;
    struct iter_rows bytes;
};

/* Every process that is there during the whole call is in it. 0, or a negative errno. */
int tasklist_read(struct tasklist *t, const struct agentgov_bpf *skel);
void tasklist_free(struct tasklist *t);

/* A process of the last reading; NULL: it is not in it. */
const struct ag_task *tasklist_find(const struct tasklist *t, __u32 pid);

/* The exact start of a process of the last reading; 0: not known. */
__u64 tasklist_start(const struct tasklist *t, __u32 pid);

#endif
