/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What holds on when the loader is gone: the links of its set, pinned, and the maps by which the next loader takes
 * over. Each agent pins them for itself, so a set is in force as long as one of its agents is kept, or has a loader.
 *
 *   /sys/fs/bpf/agentgov/AGENT/RUN/  link_N, members, guards, written, unmarked, counters, attendance
 *
 * AGENT is the agent's id, with every byte that is no letter, digit, `-` or `_` as %XX: bpffs takes no dots. RUN is the
 * moment at which a loader pinned, so that two of one agent stand side by side while one takes over from the other.
 */
#ifndef AGENTGOV_KEPT_H
#define AGENTGOV_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include "loss.h"
#include "members.h"
#include "programs.h"

#define KEPT_AGENT 256 /* bytes of an agent's folder: an id has at most 64 */
#define KEPT_PATH 512  /* of a run's */

/* What a loader leaves to the next one of itself, in a map that it has mapped: written without a call of the kernel. */
struct attendance {
    __u64 at;     /* when a loader was last there, CLOCK_BOOTTIME, ns */
    __u64 pidns;  /* whose numbers `members` has: pidns_own.ns */
    __u64 engine; /* pid of whom it served */
    __u64 others; /* losses_other_records() at that time */
    __u32 agent;  /* its number in `members` and the other tables */
    __u32 pad;
};

/* Our own pins. */
struct kept {
    char path[KEPT_PATH]; /* the folder of this run; empty: nothing is pinned */
    struct attendance *attendance;
    /* They say that we are pinned, for those who clear away what the killed have left (set.h, guards.h). */
    struct ag_agent *row;
    struct ag_guard_row *guard;
};

/* Makes sure that there is a bpffs to pin to, mounting one where none is. False, and in `why` the end of a sentence. */
bool kept_possible(char *why, size_t size);

/* Pins everything that has been hung up. 0, or a negative errno; nothing is pinned then. */
int kept_pin(struct kept *k, struct programs *p, const char *agent_id);

/* We are here: once a second, after the losses have been read. */
void kept_attend(struct kept *k, const struct losses *losses);

void kept_unpin(struct kept *k);

/* Is that run of an agent still pinned, if only for its counts? */
bool kept_is_there(const char *agent_id, __u64 run);

/* The map of guards that some agent has pinned (an fd); -1: there is none. */
int kept_guards(void);

/* Runs of other loaders, alive or not, that hold one agent. */
struct kept_run {
    char path[KEPT_PATH];
    struct members members; /* with its number */
    __u32 table;            /* id of `members` */
    int counters;           /* fd; -1: those of another version; so are the next two */
    int written, unmarked;
    struct attendance last;
};

#define KEPT_RUNS_MAX 8

struct kept_runs {
    struct kept_run runs[KEPT_RUNS_MAX];
    size_t count;
};

/* 0, or a negative errno: -EXDEV when the numbers are those of another PID namespace, -E2BIG. */
int kept_find(struct kept_runs *runs, const char *agent_id, const struct kept *own);
void kept_runs_free(struct kept_runs *runs);

/* Does one of them govern this process? */
bool kept_has(const struct kept_runs *runs, uint32_t pid);

/* The number of the run that is in the set whose `members` that is (an fd); AG_NOBODY: none is. */
__u8 kept_number(const struct kept_runs *runs, int members);

/* Is one of these processes held as another agent? `other` is its id then. */
bool kept_elsewhere(const char *agent_id, const uint32_t *pids, size_t count, char *other, size_t size);

/* The first of their processes from `pid` on; 0: none. */
uint32_t kept_next(const struct kept_runs *runs, uint32_t pid);

/* What they have counted when they have ended. */
struct kept_account {
    size_t runs, processes;
    __u64 engine; /* of the first of them */
    __u64 since;  /* when a loader of theirs was last there, CLOCK_BOOTTIME, ns */
    __u64 verdicts;
    __u64 others_since;
    bool counted; /* false: the counts are those of another version, or not the last ones */
};

/*
 * Nobody is governed by them any more, and what is pinned to hold them is gone. Their counts stay, until kept_forget():
 * who takes over may die before it has written them down, and then the next one finds them.
 */
void kept_end(struct kept_runs *runs, struct kept_account *out);
bool kept_forget(const struct kept_runs *runs); /* false: something of them is still there */

/* What a negative errno of these functions means: the end of a sentence. */
const char *kept_error(int err);

/* Calls `each` with the id of every agent that is kept. */
void kept_agents(void (*each)(void *arg, const char *agent_id), void *arg);

#endif
