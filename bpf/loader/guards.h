/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Our row in the map of what no governed tree of this machine may touch (include/guards.h). Each loader has one,
 * whether it enforces anything or not.
 *
 * Sets of programs that differ (one captures TLS, one only records) share no policy, but this map: who loads a set
 * takes the one that is there, if it is held by a loader that can be believed (bpf/loader/set.h says why), or pinned by
 * one that is no more. It is not shared by loaders of another build, in another PID namespace, or of another user than
 * root.
 */
#ifndef AGENTGOV_GUARDS_LOADER_H
#define AGENTGOV_GUARDS_LOADER_H

#include "programs.h"

/* With the lock, before load: has our object use the map that others use, if there is one. */
void guards_share(struct programs *p);

/* Is there a row left in a map of that kind? */
bool guards_have_room(int map);

/* After load: takes a row for ourselves, our engine and what it descends from. 0, or a negative errno. */
int guards_enter(struct programs *p, const char *agent_id);

/*
 * Files of our session: `list` is entries of a letter, a path and a NUL. l: a log and what its writer keeps beside it;
 * f: a file; s: a file that may not be read either. 0, or a negative errno; *count is how many names they are.
 */
int guards_name(struct programs *p, const char *list, size_t size, size_t *count);

/* With the lock: frees the rows of loaders that are no more, but not of what they have left in force. */
void guards_sweep(struct programs *p);

void guards_leave(struct programs *p);

#endif
