/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AGENTGOV_HOLD_H
#define AGENTGOV_HOLD_H

/*
 * While a task is in a bpf() call on a map, the kernel runs no program of a perf event on that CPU
 * (bpf_disable_instrumentation() in include/linux/bpf.h). Were the loader preempted there, whatever the tree does on
 * this CPU meanwhile would be missed. So nobody preempts it between these two, which do not nest. Nothing is held
 * where the programs are no perf events.
 */
void hold_begin(void);
void hold_end(void);

#endif
