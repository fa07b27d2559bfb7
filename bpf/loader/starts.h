/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The exact start of every process that runs now (bpf/tasks.bpf.c). */
#ifndef AGENTGOV_STARTS_H
#define AGENTGOV_STARTS_H

#include <stddef.h>
#include <linux/types.h>
#include "include/tasks.h"

struct starts {
    struct ag_task *rows; /* sorted by pid */
    size_t count;
};

/* Empty where the kernel refuses: then /proc's 10 ms must do. */
void starts_read(struct starts *s);
void starts_free(struct starts *s);

/* CLOCK_BOOTTIME, ns; 0: not known. */
__u64 starts_find(const struct starts *s, __u32 pid);

#endif
