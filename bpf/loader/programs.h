/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel programs and their maps in the running kernel, and what that needs. */
#ifndef AGENTGOV_PROGRAMS_H
#define AGENTGOV_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include "agent_maps.h"
#include "include/guards.h"
#include "members.h"
#include "tiers.h"

#define PROGRAMS_TEXT 1024

struct programs_options {
    bool any_tier;                   /* the best that is active */
    enum tier tier;                  /* else exactly this one */
    bool enforce;                    /* load what decides as well; refused where the tier cannot */
    size_t ring_bulk, ring_critical; /* bytes, rounded up to what a ring can be; 0: the size that the object has */
    bool tls;                        /* capture plaintext of TLS libraries */
    size_t ring_tls;
    bool alone; /* a set of programs of our own, which nobody else may join */
};

struct programs {
    struct agentgov_bpf *skel;
    enum tier tier;
    char tier_reason[PROGRAMS_TEXT];
    struct members members;     /* with our number in the set (set.h) */
    struct agent_maps own;      /* what the set has under that number */
    struct ag_guards *guards;   /* what no tree of this machine may touch, mapped (guards.h) */
    struct ag_guard_row *guard; /* and our row of it */
    bool shared;                /* others may join the set, or we have */
    void *joined_bss;           /* the variables of a set that we have not loaded; else NULL */
    bool tls;
    bool enforces; /* what decides is loaded too */
    int dns_errno; /* why DNS answers are not seen; 0: they are */
};

/*
 * Chooses the tier, and loads and hangs up or joins a set for an agent of that name: from here on everything that
 * members do is seen. False when privilege or the kernel does not allow it: `why` is then one sentence that says what
 * to do.
 */
bool programs_load(struct programs *p, const struct programs_options *options, const char *agent_id, char *why,
                   size_t size);

/* They are not held up by us any more. What is in the rings stays there. */
void programs_detach(void);

void programs_unload(struct programs *p);

/* Bytes that the kernel holds for the maps. */
size_t programs_map_bytes(const struct programs *p);

/* Is there type information of the running kernel? Without it no program can find its way in the kernel's data. */
bool programs_have_btf(void);

#endif
