/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What hangs the kernel programs into the running kernel, in the way that its tier allows. */
#ifndef AGENTGOV_TIERS_H
#define AGENTGOV_TIERS_H

#include "agentgov.skel.h"

/* Before load: sizes that depend on the machine. */
int tier_prepare(struct agentgov_bpf *skel);

/* After load: hangs everything up. 0, or a negative errno; *what then names the program that could not be attached. */
int tier_observe_attach(struct agentgov_bpf *skel, const char **what);

/* The same in every tier: answers from port 53. A negative errno when this machine cannot, which is a blindness, no end. */
int dns_attach(struct agentgov_bpf *skel);
void dns_detach(void);

/* Takes everything down again; what is already in the rings stays there. */
void tier_detach(void);

#endif
