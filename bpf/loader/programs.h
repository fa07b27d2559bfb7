/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel programs and their maps, loaded into the running kernel, and what that needs. */
#ifndef AGENTGOV_PROGRAMS_H
#define AGENTGOV_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
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
};

struct programs {
    struct agentgov_bpf *skel;
    enum tier tier;
    char tier_reason[PROGRAMS_TEXT];
    struct members members;
    bool attached;
    bool tls;
    bool enforces;                 /* what decides is loaded too */
    char dns_error[PROGRAMS_TEXT]; /* why DNS answers are not seen; empty: they are */
};

/*
 * Chooses the tier and loads. False when privilege or the kernel does not allow it: `why` is then one sentence that
 * says what to do.
 */
bool programs_load(struct programs *p, const struct programs_options *options, char *why, size_t size);

/* Hangs the programs up; everything that members do is seen from here on. False with a sentence in `why`. */
bool programs_attach(struct programs *p, char *why, size_t size);

/* Takes them down. What is in the rings stays there. */
void programs_detach(struct programs *p);

/* After that: they are nothing to us any more. Their tables stay. */
void programs_let_go(struct programs *p);

void programs_unload(struct programs *p);

/* Bytes that the kernel holds for the maps. */
size_t programs_map_bytes(const struct programs *p);

/* Is there type information of the running kernel? Without it no program can find its way in the kernel's data. */
bool programs_have_btf(void);

#endif
