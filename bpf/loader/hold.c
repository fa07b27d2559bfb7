/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <sched.h>
#include "hold.h"
#include "machine.h"

/* Where real time is refused, what is missed is counted all the same. */
static void schedule(int policy, int priority) {
    struct sched_param param = {.sched_priority = priority};
    (void)sched_setscheduler(0, policy | SCHED_RESET_ON_FORK, &param);
}

void hold_begin(void) {
    if (machine_preempts_programs())
        schedule(SCHED_FIFO, 1);
}

void hold_end(void) {
    if (machine_preempts_programs())
        schedule(SCHED_OTHER, 0);
}
