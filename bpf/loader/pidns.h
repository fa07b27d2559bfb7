/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The PID namespace that agentgov runs in: its numbers are the ones that all of agentgov speaks of (bpf/pids.bpf.h). */
#ifndef AGENTGOV_PIDNS_H
#define AGENTGOV_PIDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct pidns {
    __u64 ns; /* the kernel's address of it; 0: the machine's own namespace */
    __u32 level;
};

/* Finds it out, once. False, with a sentence that says what to do, when processes could not be told apart here. */
bool pidns_find(char *why, size_t size);

/* What pidns_find() found. */
extern struct pidns pidns_own;

/* Sets both constants in the .rodata of any of our objects, before it is loaded. */
#define pidns_tell(skel)                                                                                               \
    do {                                                                                                               \
        (skel)->rodata->own_pidns = pidns_own.ns;                                                                      \
        (skel)->rodata->own_pidns_level = pidns_own.level;                                                             \
    } while (0)

#endif
