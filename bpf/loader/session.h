/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One run of the loader: from the rings to stdout, and what happens by the clock. */
#ifndef AGENTGOV_SESSION_H
#define AGENTGOV_SESSION_H

#include "command.h"
#include "kept.h"
#include "merge.h"
#include "out.h"
#include "programs.h"
#include "rings.h"
#include "stop.h"
#include "stream.h"
#include "tls_ring.h"
#include "tls_watch.h"

struct session {
    struct programs programs;
    struct losses losses;
    __u64 missed_before[AG_CLASS_MAX]; /* runs that the kernel skipped before anybody was governed */
    struct merge merge;
    struct rings rings;
    struct tls_ring tls;
    struct tls_watch *tls_watch; /* NULL: nothing is captured, or not yet */
    struct out out;
    struct stream stream;
    struct stop stop;
    int folds_fd;
    struct held *current; /* being written; it may take several goes */
    uint64_t current_ktime;
    uint64_t complete;            /* everything that happened before this has been written */
    uint64_t second_at, sweep_at; /* when the timers are due */
    uint64_t swept;               /* when the last sweep was */
    size_t taken;                 /* what the last reading of the rings found */
    bool more;                    /* and that it left something */
    uint32_t witness;             /* a member, last time somebody looked */
    bool begun;                   /* somebody has been governed: there may be records */
    bool governing;               /* somebody is, or was and the end has not been told */
    uint64_t empty_at;            /* when the tree was found empty; 0: it was not */
    bool stopped;                 /* the stop is over, its answer waits for what it did to be written */
    uint64_t stopped_at;
    const char *agent_id;
    struct kept kept;
    bool keeps; /* it is wanted that what holds the tree is pinned */
    bool quit;
    bool leave; /* and what is pinned holds on */
};

/* False, with a sentence, when the programs do not load (exit 3) or there is no memory (*internal: exit 4). */
bool session_open(struct session *s, const char *agent_id, const struct programs_options *options, char *why,
                  size_t size, bool *internal);
void session_close(struct session *s);

/* One turn: reads the rings, writes what is due, keeps the timers. */
void session_turn(struct session *s);

/* When the next turn must be at the latest (CLOCK_BOOTTIME, ns), if nothing calls for one before. */
uint64_t session_next(const struct session *s);

/* Should the rings wake the loop? Not while work is done by the clock, and not while nothing may be written. */
bool session_wants_rings(const struct session *s);

/*
 * Detaches (not what is left behind), writes everything up to now, and says goodbye. `give_up`: after how long without
 * any progress, ns.
 */
void session_finish(struct session *s, uint64_t give_up);

/* Does what a line of stdin says (commands.c). */
void session_command(struct session *s, const char *line, size_t len);

/* Reads what was lost, by the kernel and by us, and tells what is new. */
void session_tell_losses(struct session *s);

#endif
