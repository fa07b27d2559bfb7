/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Several agents under one set of kernel programs. Each has a number, which is what the programs find at a process
 * (`members`), and everything that is its own under that number: its policy, its rings, its tables, its counts.
 *
 * Who loads a set writes down what belongs to it; who comes later finds it there (bpf/loader/set.h).
 */
#ifndef AGENTGOV_AGENTS_H
#define AGENTGOV_AGENTS_H

#include "events.h"

#define AG_AGENTS 64 /* numbers, a power of two; 0 is nobody's */
#define AG_NOBODY 0

/*
 * Membership: one byte for every possible tgid (PID_MAX_LIMIT is 2^22): the number of the agent, or AG_NOBODY. A table
 * that cannot be full has no "full means untracked". Key = tgid / 64; mapped into the loader as one flat array of 4 MB.
 *
 * AG_CLAIMED beside a number: by its loader, which makes a member of it when it is sure whose number this is; until
 * then the process is nobody's.
 */
#define AG_CLAIMED 0x80
#define AG_MEMBER_ROW 64
#define AG_MEMBER_ROWS 65536
struct ag_member_row {
    __u8 agent[AG_MEMBER_ROW];
};

/* What the programs ask about an agent at every turn, and who has the number. Row of `agents`, by number. */
struct ag_agent {
    __u32 policy_head;  /* which of its policies is in force: one word, written in one step by its loader */
    __u32 log_failed;   /* its log cannot be written, and its policy wants nothing to go on then */
    __u32 scripts_kept; /* it has an entry in `scripts`: until then nobody looks there */
    __u32 scripts_lost; /* some process of it may run a script that is not in the table (bpf/scripts.bpf.h) */
    __u32 life;         /* one more each time the number is given away: what outlives an agent is not the next one's */
    __u32 loader;       /* pid of the loader that has the number; 0: it is free */
    __u64 since;        /* start of that process, in clock ticks since boot (proc(5), stat, field 22) */
    __u64 kept;         /* the run under which it is pinned, and holds on without its loader; 0: it is not */
    char name[72];      /* its id */
};
AG_STATIC_ASSERT(sizeof(struct ag_agent) == 112, "no padding in ag_agent");

#define AG_SET_MAPS 160
#define AG_SET_PROGRAMS 320
#define AG_SET_LINKS 320

/* What a set consists of: ids of the kernel, in the order of the object; 0: not loaded. */
struct ag_set {
    __u64 build; /* of the loader that loaded it; 0: nobody may join */
    __u32 tier;
    __u32 dns_error;   /* errno: no program could be hung up that sees DNS answers */
    __u32 links_count; /* 0: not hung up */
    __u32 tier_links;  /* those at the beginning that may be pinned */
    __u32 maps[AG_SET_MAPS];
    __u32 programs[AG_SET_PROGRAMS];
    __u32 links[AG_SET_LINKS];
};

#endif
