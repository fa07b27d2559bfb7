/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of files that the tree has written (bpf/written.bpf.h). */
#ifndef AGENTGOV_LOADER_WRITTEN_H
#define AGENTGOV_LOADER_WRITTEN_H

#include "tiers.h"
#include "kept.h"

/* After load: from now on files are marked. 0, or a negative errno. */
int written_begin(const struct programs *p);

/*
 * After somebody was governed: marks what the members have open, and what runs that are taken over from had marked.
 * What cannot be marked is as in a full table; then a negative errno.
 */
int written_adopt(const struct programs *p, const struct kept_runs *kept);

#endif
