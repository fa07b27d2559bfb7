/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's own table of who is governed, mapped in, as far as it is about one agent: a byte for every tgid. */
#ifndef AGENTGOV_MEMBERS_H
#define AGENTGOV_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "include/agents.h"

#define MEMBERS_MAX (1u << 22) /* PID_MAX_LIMIT */

struct members {
    volatile uint8_t *bytes; /* of all agents of the set */
    uint8_t agent;           /* the number that this is about; AG_NOBODY: none */
};

/* 0, or a negative errno. `map` is the fd of `members`. */
int members_map(struct members *m, int map);
void members_unmap(struct members *m);

static inline bool members_has(const struct members *m, uint32_t pid) {
    return pid < MEMBERS_MAX && m->agent && m->bytes[pid] == m->agent;
}

/* Whose it is, this agent's or another's. */
static inline bool members_any(const struct members *m, uint32_t pid) {
    return pid < MEMBERS_MAX && m->bytes[pid] != AG_NOBODY;
}

/* A process that is nobody's, and is ours to mark. The write is seen by programs that start after it (members_barrier()
 * waits for those that had started before). */
void members_mark(struct members *m, uint32_t pid);

/* A member becomes another agent's, or (AG_NOBODY) nobody's. False: it was none any more. */
bool members_give(struct members *m, uint32_t pid, uint8_t to);

/*
 * All become another agent's, or nobody's, also who is being born meanwhile, and what is claimed is so no more. From
 * its return on no program runs that has seen one.
 */
void members_give_all(struct members *m, uint8_t to);

/*
 * To mark a process, and not whoever has its number by then: claim the number, see that the process is not over, and
 * make it a member; or a stranger, when it was. Nothing happens when the kernel was quicker: at the end of a process,
 * or at the birth of the next one with its number.
 */
void members_claim(struct members *m, uint32_t pid);
bool members_settle(struct members *m, uint32_t pid, bool member);

/* The first member from `pid` on; 0 when there is none. */
uint32_t members_next(const struct members *m, uint32_t pid);

size_t members_count(const struct members *m);

/* Returns when every kernel program that was running at the call has ended. */
void members_barrier(void);

#endif
