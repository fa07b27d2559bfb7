/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this machine says of itself, as far as it decides what agentgov can do. Texts are empty where nothing is said.
 */
#ifndef AGENTGOV_MACHINE_H
#define AGENTGOV_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* The kernel's release, as uname(2). */
void machine_kernel(char *out, size_t size);

/* The names in /sys/kernel/security/lsm. */
void machine_lsm(char *out, size_t size);

/* "none", "integrity", "confidentiality" or "unknown". */
void machine_lockdown(char *out, size_t size);

/* From 7.0 on a program on a tracepoint may be preempted, and is skipped for others meanwhile. */
bool machine_preempts_programs(void);

/* A task that is preempted in a trampoline program makes every other one on that CPU skip it; true when unsure. */
bool machine_preempts_trampolines(void);

/* "none", "voluntary", "full", "lazy" or "unknown": fmod_ret programs have a hole under full and lazy. */
void machine_preempt(char *out, size_t size);

#endif
