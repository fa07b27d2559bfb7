/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The governed processes as they stand at the event that is being written (not as they are now: events are written a
 * little later). Kept here is what a record does not repeat: the executable, the parent, the pid inside, the container.
 */
#ifndef AGENTGOV_PROCESS_TABLE_H
#define AGENTGOV_PROCESS_TABLE_H

#include <stdbool.h>
#include "buf.h"
#include "record.h"

/* JSON text that processes share: an executable's name is escaped once for all who run it. */
struct text {
    unsigned refs;
    unsigned len;
    char json[];
};

struct fold;

struct process {
    __u64 start; /* with pid, the identity */
    __u32 pid;
    __u32 ppid;  /* parent at fork; 0: not known */
    __u32 inner; /* pid in its own namespace; 0: not known */
    bool exact;  /* `start` is the kernel's, not /proc's (10 ms) */
    bool exited;
    bool missing;     /* had left the tree at the last look, though no exit has been seen */
    __u64 cgroup;     /* id of its cgroup at exec */
    struct text *exe; /* NULL: not known */
    struct text *container;
    struct fold *folds; /* what the kernel counts for it (fold.c) */
    char comm[16];      /* as in the last record, and the same as JSON */
    char comm_json[16 * 6 + 2];
    unsigned comm_len;
    struct process *next;          /* in its bucket */
    struct process *newer, *older; /* among the living, or in the row of the exited */
};

#define PROCESS_BUCKETS 16384
#define PROCESS_GRAVES 1024 /* exited ones that are kept for what is still said of them (a connection's end) */

struct process_list {
    struct process *oldest, *newest;
    unsigned count;
};

struct processes {
    struct process *buckets[PROCESS_BUCKETS];
    struct process_list alive, exited;
    struct buf scratch;
};

struct processes *processes_new(void);
void processes_free(struct processes *t);

/* The process of a record. One that is not known yet is looked up in /proc; NULL when it is not there either. */
struct process *processes_of(struct processes *t, const struct ag_record *head);

/* From an AG_FORK record: like its parent in everything but its numbers. NULL only without memory. */
struct process *processes_fork(struct processes *t, const struct ag_record *head);

/* From an AG_EXEC record; `exe` is the bytes of the new executable's path. */
struct process *processes_exec(struct processes *t, const struct ag_record *head, const char *exe, size_t len);

/*
 * A member that was there before the programs were attached, from /proc, with its exact start where that is known (else
 * 0). NULL when it has gone meanwhile.
 */
struct process *processes_adopt(struct processes *t, __u32 pid, __u64 start);

/* The process is over. Its entry stays a while in the row of the exited. */
void processes_exit(struct processes *t, struct process *p);

/* The comm of a record as JSON, through the process's copy when it is the same as last time. */
void processes_comm(struct process *p, const char comm[16], const char **json, size_t *len);

#endif
