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

/* Before load: the tables get their room. */
int policy_size(struct agentgov_bpf *skel);

#endif
