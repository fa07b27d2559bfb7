/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A row of what list_tasks (bpf/tasks.bpf.h) writes and bpf/loader/tasklist.c reads: one process. */
#ifndef AGENTGOV_TASKS_H
#define AGENTGOV_TASKS_H

#include "events.h"

struct ag_task {
    struct ag_id id;
    struct ag_id parent; /* of whoever waits for it now, which need not be who forked it */
    __u32 agent;         /* whose it is; AG_NOBODY */
    __u32 over;          /* its last thread has ended: `agent` may be another one's who has the number now */
};

#endif
