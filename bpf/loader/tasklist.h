/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All processes of the machine, as the kernel's own list has them (bpf/tasks.bpf.c). */
#ifndef AGENTGOV_TASKLIST_H
#define AGENTGOV_TASKLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "include/tasks.h"

struct tasks_bpf;
struct bpf_link;

struct tasklist {
    struct ag_task *rows; /* of the last reading, sorted by pid */
    size_t count, cap;
    struct tasks_bpf *skel; /* NULL where the kernel refuses it: then /proc must do, with starts to 10 ms */
    struct bpf_link *link;
};

/* Finds out how this kernel can be asked. */
void tasklist_open(struct tasklist *t);
void tasklist_close(struct tasklist *t);

/* Every process that is there during the whole call is in it. 0, or a negative errno. */
int tasklist_read(struct tasklist *t);

/* The exact start of a process of the last reading; 0: not known. */
__u64 tasklist_start(const struct tasklist *t, __u32 pid);

#endif
