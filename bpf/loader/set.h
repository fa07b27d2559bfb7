/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One set of kernel programs, and the loaders that share it. Whoever is first loads it; who comes later and wants the
 * very same (build, tier, constants) holds the same programs, maps and links by descriptors of its own. So the set is
 * there as long as any of them lives, or is pinned, and nobody serves it.
 *
 * A set hangs before anybody can join it, and who joins holds its links from then on. Its last loader may be ending at
 * any moment, and then it is too late: while a link is taken down the kernel lets its program hang nowhere else (EBUSY
 * for one at a trampoline), and 5.10 not afterwards either (ENOENT).
 *
 * Each loader has a number in it (include/agents.h). What a loader leaves behind that was killed is cleared away by
 * another one, unless it is pinned and still holds somebody.
 *
 * Whom to believe. The kernel's lists show everybody's maps, and a governed process that is root may have made some
 * that look like ours. A set is taken for one only when a process that runs this very file, started when the set says
 * and governed by nobody, holds each of its maps and programs. When anything is in doubt, a set of its own is loaded.
 */
#ifndef AGENTGOV_SET_H
#define AGENTGOV_SET_H

#include "programs.h"

/*
 * One at a time looks for a set, loads, joins, attaches or clears away. False when somebody holds it for longer than
 * `patience` (ns), or it cannot be had at all.
 */
bool set_lock(uint64_t patience);
void set_unlock(void);
#define SET_PATIENCE (30 * NS_PER_SEC) /* others may be loading; src/bpf waits a minute for a loader to greet */

/*
 * With the lock: joins a set that is there. Not `joined` when there is none that could be; nothing has happened then. A
 * negative errno when there is one and it could be taken only in part: then our object is of no use any more.
 */
int set_join(struct programs *p, bool *joined);

/* After load: writes down what belongs to it. `open`: others may join. */
int set_describe(struct programs *p, bool open);

/* Takes a number, and puts our maps in under it. 0, or a negative errno: -EUSERS when all are taken. */
int set_enter(struct programs *p, const char *agent_id);

/* With the lock: writes down by which links the set hangs now, so that others hold them too. */
void set_note_links(struct programs *p, int tier_links);

/* With the lock: frees the numbers of loaders that are no more. */
void set_sweep(struct programs *p);

/* Lets go of the variables of a set that we have joined. */
void set_unmap(struct programs *p);

/* Gives our number back: nobody is governed by it any more. With the lock its maps are let go as well. */
void set_leave(struct programs *p, bool locked);

#endif
