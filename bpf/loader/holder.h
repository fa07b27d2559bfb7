/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Another loader, and the kernel's objects that it holds, as /proc tells of it. */
#ifndef AGENTGOV_HOLDER_H
#define AGENTGOV_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agentgov_bpf;

#define HOLDER_IDS_MAX 2048

struct holder {
    uint32_t maps[HOLDER_IDS_MAX], programs[HOLDER_IDS_MAX]; /* ids */
    size_t maps_count, programs_count;
};

/* Start of a process, in clock ticks since boot; 0: there is none. */
uint64_t holder_start(uint32_t pid);

/* Reads what it holds. False when that cannot be seen. */
bool holder_read(struct holder *h, uint32_t pid);

/*
 * The same of a loader that can be believed: it runs our very file, started then, and nobody governs it. `own`: our
 * object, by which the kernel's tables are read.
 */
bool holder_believe(struct holder *h, const struct agentgov_bpf *own, uint32_t pid, uint64_t since);

bool holder_has_map(const struct holder *h, uint32_t id);
bool holder_has_program(const struct holder *h, uint32_t id);

#endif
