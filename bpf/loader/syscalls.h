/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls by number, as far as one becomes an event (layouts.c): their names, and what a path call does. */
#ifndef AGENTGOV_SYSCALLS_BY_NUMBER_H
#define AGENTGOV_SYSCALLS_BY_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "include/layout.h"

/* What a call of kind AG_PATH, AG_MOUNT or AG_PRIV does: they share a kind and are told apart by their number. */
enum syscall_op {
    OP_OTHER,
    OP_CREATE,
    OP_SYMLINK,
    OP_LINK,
    OP_DELETE,
    OP_RENAME,
    OP_TRUNCATE,
    OP_CHMOD,
    OP_CHOWN,
    OP_ATTR,  /* times and extended attributes */
    OP_MOUNT, /* mount(2), whose source need not be a path */
    OP_IDS1,  /* one, two, three ids */
    OP_IDS2,
    OP_IDS3,
    OP_UNSHARE,
    OP_SETNS,
    OP_GROUPS,
    OP_PTRACE,
    OP_BPF,
};

struct syscall_name {
    const char *json; /* with its quotes; NULL: no call that we know */
    size_t len;
    enum syscall_op op;
};

struct syscalls {
    struct syscall_name by_nr[2][AG_NR_MAX]; /* native, 32-bit */
    char text[8192];
};

/* Fills the tables from layouts.c. */
void syscalls_init(struct syscalls *s);

/* Never NULL; `json` is NULL for a number that layouts.c does not name. */
const struct syscall_name *syscalls_find(const struct syscalls *s, unsigned nr, bool ia32);

#endif
