/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A policy on its way into the kernel's tables (include/policy.h): entries as they lie there, chosen by name. */
#ifndef AGENTGOV_LOADER_POLICY_H
#define AGENTGOV_LOADER_POLICY_H

#include "command.h"
#include "programs.h"

/*
 * Writes the entries of one `policy` command, each a key and a value without anything between. 0 and how many there
 * were, or a negative errno with a sentence.
 */
int policy_put(struct programs *p, const struct command *c, size_t *entries, char *why, size_t size);

/*
 * Makes room beside the policy in force: waits until no question is under way any more that began before the last swap,
 * and empties the half that is not in force. From then on that half and the head that is not in force may be written.
 * As policy_put(); `entries` were taken out.
 */
int policy_clear(struct programs *p, size_t *entries, char *why, size_t size);

/* Puts the policy with that head (key of `policy`) in force, for every question that begins from now on. */
int policy_swap(struct programs *p, int64_t head, char *why, size_t size);

/* From now on everything that a policy is asked about is denied, or no longer. */
int policy_block(struct programs *p, bool all, char *why, size_t size);

/* Before load: the tables get their room. */
void policy_size(struct agentgov_bpf *skel, struct agent_maps *own);

#endif
