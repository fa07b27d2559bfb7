/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What hangs the kernel programs into the running kernel, in the way that its tier allows. */
#ifndef AGENTGOV_TIERS_H
#define AGENTGOV_TIERS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include "include/agents.h"
#include "agent_maps.h"
#include "agentgov.skel.h"

enum tier { TIER_LSM, TIER_HOOK, TIER_OBSERVE, TIER_COUNT };

extern const char *const tier_names[TIER_COUNT];

/*
 * Is the tier active on this machine? Only when a provoked open of a child of our own was denied by the running
 * program. `why` is one sentence either way.
 */
bool tier_active(enum tier tier, char *why, size_t size);

/* The best active tier that is not better than `from`. `why` says what stood in the way of better ones. */
enum tier tier_choose(enum tier from, char *why, size_t size);

/* Before load: sizes that depend on the machine, programs that the tier wants. */
int tier_prepare(struct agentgov_bpf *skel, struct agent_maps *own, enum tier tier, bool enforce);

/* After load: hangs everything up (links.h). 0, or a negative errno; *what then names the program that could not be
 * attached. */
int tier_attach(struct agentgov_bpf *skel, enum tier tier, const char **what);

/*
 * Runs that the kernel skipped so far because the same program was already at work on that CPU, by the class of what
 * was not seen. Trampolines skip so on preemptible kernels.
 */
void tier_missed(struct agentgov_bpf *skel, __u64 missed[AG_CLASS_MAX]);

/*
 * Pins every link as FOLDER/link_N, but those of dns_attach(), and under other names what these go on in, which must be
 * there as long as they. 0, or a negative errno.
 */
int tier_pin(struct agentgov_bpf *skel, const char *folder);

/* The same in every tier: answers from port 53. A negative errno when this machine cannot: a blindness, not an end. */
int dns_attach(struct agentgov_bpf *skel);

#endif
