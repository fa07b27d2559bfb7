/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Repeats are counted in the kernel (map `folds`, a running total for each key). Here is kept what each key stands for,
 * a copy of its record, and how much of its total has been written already. Differences become `count` events, so a
 * total is never lost and never told twice, whenever the process ends and however often the map is read.
 */
#ifndef AGENTGOV_FOLD_H
#define AGENTGOV_FOLD_H

#include "process.h"
#include "record.h"

/* The kernel's map as far as this room needs it. `counts` are of keys in state AG_FOLD_SEEN; others have none. */
struct fold_map {
    void *arg;
    /* The total of a key; false when the map has no such key. */
    bool (*lookup)(void *arg, const struct ag_fold_key *key, __u64 *total);
    void (*remove)(void *arg, const struct ag_fold_key *keys, size_t n);
    /* Calls `each` for every key of the map. False when it could not be read to its end. */
    bool (*scan)(void *arg, void (*each)(void *to, const struct ag_fold_key *key, const struct ag_fold *fold),
                 void *to);
};

/* What becomes of a difference: `bytes` is the kept record, NULL when it could not be kept (then it is a loss). */
struct fold_sink {
    void *arg;
    bool (*room)(void *arg); /* for one more line; what finds none is told by a later call */
    void (*count)(void *arg, const void *bytes, size_t size, enum ag_class cls, struct process *p, __u64 count);
};

struct fold {
    __u64 hash;
    __u64 told; /* of the kernel's total */
    struct process *process;
    struct fold *next;         /* in its bucket */
    struct fold *next_of_same; /* of its process */
    enum ag_class cls;
    unsigned size; /* of the record; 0: no memory was left for it */
    char record[];
};

#define FOLD_BUCKETS 65536
#define FOLD_BYTES_MAX (40 << 20)

struct folds {
    struct fold *buckets[FOLD_BUCKETS];
    struct fold_map map;
    struct fold_sink sink;
    struct processes *processes;
    size_t count, bytes;
    bool behind;    /* something could not be told for want of room */
    __u64 *orphans; /* keys that the last sweep could not explain, sorted */
    size_t orphans_count;
};

struct folds *folds_new(struct fold_map map, struct fold_sink sink, struct processes *processes);
void folds_free(struct folds *f);

/*
 * After the event of a record with AG_F_FOLDS has been written: its key stands for it from now on. A process that is
 * over (or not known: NULL) has counted its last, so its total is told and removed at once.
 */
void folds_keep(struct folds *f, const struct record *r, const void *bytes, size_t size, struct process *p);

/* Tells what the keys of a process have counted since the last time, as far as there is room. */
void folds_tell(struct folds *f, struct process *p);

/*
 * The process is over: tells the rest and forgets its keys, here and in the kernel. False when it had to stop for want
 * of room: call it again.
 */
bool folds_end(struct folds *f, struct process *p);

/*
 * Reads the whole map and tells every difference; `behind` says whether all could be told. Keys that belong to nothing
 * are removed at the second sight, if in between everything that was under way has arrived (`caught_up`).
 */
void folds_sweep(struct folds *f, bool caught_up);

#endif
