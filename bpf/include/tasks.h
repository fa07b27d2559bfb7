/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A row of what bpf/tasks.bpf.c writes and bpf/loader/tasklist.c reads: one process. */
#ifndef AGENTGOV_TASKS_H
#define AGENTGOV_TASKS_H

struct ag_task {
    __u64 start; /* CLOCK_BOOTTIME, ns; 0: not known */
    __u32 pid;
    __u32 ppid;
};

#endif
