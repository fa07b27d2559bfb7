/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Takes a running tree under government, without stopping anybody and without missing a child. */
#ifndef AGENTGOV_ATTACH_H
#define AGENTGOV_ATTACH_H

#include "kept.h"
#include "programs.h"

struct attached {
    uint32_t *pids; /* new members; attached_free() */
    size_t count;
    uint32_t *roots; /* those of the asked pids whose tree is there; as many as asked fit */
    size_t roots_count;
};

void attached_free(struct attached *a);

/*
 * Marks the trees of `roots` (host pids of processes), and all that the runs in `kept` govern. From its return on, the
 * kernel marks every further child itself. One at a time in a set (set_lock()). 0; or a negative errno with a sentence
 * in `why`: -ESRCH when none of the trees is there, -EINVAL for a pid that is agentgov's own or no process, -EEXIST
 * when another agent of the set has somebody of them, -EAGAIN when the machine forks faster than can be followed,
 * -ENOMEM.
 */
int attach_trees(struct programs *p, const uint32_t *roots, size_t count, const struct kept_runs *kept,
                 struct attached *out, char *why, size_t size);

#endif
