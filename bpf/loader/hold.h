/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AGENTGOV_HOLD_H
#define AGENTGOV_HOLD_H

/*
 * While a task is in a bpf() call on a map, the kernel runs no program of a perf event on that CPU
 * (bpf_disable_instrumentation() in include/linux/bpf.h). Were the loader preempted there, whatever any tree does on
 * this CPU meanwhile would be missed, and a child would be born into none. So nobody preempts it in such a call: the
 * linker leads each of them here, libbpf's own too (--wrap in the Makefile). Nothing is held where the programs are no
 * perf events.
 *
 * Between these two it is held throughout, for many calls in a row. They may nest.
 */
void hold_begin(void);
void hold_end(void);

#endif
