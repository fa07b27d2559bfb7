/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the sessions of this machine consist of: processes and files that no governed tree may touch, whichever agent's
 * it is. One map, which every set of programs shares that can (bpf/loader/guards.h), and in it a row for each engine.
 */
#ifndef AGENTGOV_GUARDS_H
#define AGENTGOV_GUARDS_H

#include "events.h"

#define AG_GUARD_ROWS 128
#define AG_GUARDS_MAX 32      /* processes of a row */
#define AG_GUARD_NAMES_MAX 48 /* and names of files */
#define AG_GUARD_NAME 64

/* What may stand behind the name, so that it is meant as well. */
enum ag_name_end {
    AG_ENDS_HERE = 1,
    AG_ENDS_WITH_DOT = 2,    /* a dot, and anything */
    AG_ENDS_WITH_NUMBER = 4, /* `-` and a digit, and anything */
};

/*
 * A name in a folder, so a file that is put in another one's place is meant too. Of a name that is longer than `name`
 * its beginning, and then all names that begin like this.
 */
struct ag_guard_name {
    __u64 folder; /* i_ino */
    __u32 dev;    /* sb->s_dev */
    __u32 ops;    /* bits of enum ag_operation that are forbidden */
    __u32 len;
    __u32 ends; /* bits of enum ag_name_end */
    char name[AG_GUARD_NAME];
};
AG_STATIC_ASSERT(sizeof(struct ag_guard_name) == 88, "no padding in ag_guard_name");

struct ag_guard_row {
    __u32 loader; /* pid of the loader that has the row; 0: it is free */
    __u32 processes;
    __u64 since;   /* start of that loader, in clock ticks since boot */
    __u64 kept;    /* the run under which its agent is pinned (bpf/loader/kept.h); 0: it is not */
    __u64 folders; /* a bit for each folder of its names, AG_FOLDER_BIT() */
    __u32 names;
    char agent[76]; /* its id */
    struct ag_id process[AG_GUARDS_MAX];
    struct ag_guard_name name[AG_GUARD_NAMES_MAX];
};
AG_STATIC_ASSERT(sizeof(struct ag_guard_row) == 112 + 16 * AG_GUARDS_MAX + 88 * AG_GUARD_NAMES_MAX,
                 "no padding in ag_guard_row");

struct ag_guards {
    __u64 pidns; /* in which the numbers of processes are these; 0: the machine's own */
    __u32 rows;  /* none behind these has ever been taken */
    __u32 ops;   /* what any name has ever forbidden */
    struct ag_guard_row row[AG_GUARD_ROWS];
};

#define AG_FOLDER_BIT(folder) (1ULL << ((folder)&63))

#endif
