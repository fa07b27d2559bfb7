/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a record means beside its own line, in the order in which records are taken from the merge: it moves the process
 * table on, may stand for a count, may belong to another record.
 */
#ifndef AGENTGOV_STREAM_H
#define AGENTGOV_STREAM_H

#include "event.h"
#include "fold.h"
#include "loss.h"
#include "objects.h"
#include "out.h"
#include "path.h"

struct stream {
    struct events events;
    struct processes *processes;
    struct folds *folds;
    struct objects objects;
    struct buf joined; /* a record with its object's paths */
    struct losses *losses;
    struct out *out;
    __u64 emitted[AG_CLASS_MAX]; /* event lines written */
    __u64 now;                   /* time of what is being written: that of counts which belong to no record */
    __u64 exits;                 /* processes that have ended */
};

/* False without memory. `map` is the kernel's table of counts. */
bool stream_init(struct stream *s, const char *agent_id, struct fold_map map, struct losses *losses, struct out *out);
void stream_free(struct stream *s);

/*
 * Writes what a record has to say. Needs out_room(). False when it had to stop for want of room: give it the same
 * record again.
 */
bool stream_write(struct stream *s, const void *bytes, size_t size, unsigned flags, __u64 ktime);

/*
 * Every 5 s: tells what has been counted, and buries processes that have left the tree (`is_member`) without an exit
 * that reached us. Not judged by one look, and only when nothing is under way any more (`caught_up`).
 */
void stream_sweep(struct stream *s, bool (*is_member)(void *arg, __u32 pid), void *arg, bool caught_up);

#endif
