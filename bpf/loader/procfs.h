/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What /proc tells of a process that was there before us. Every read is bounded; a process may vanish at any line. */
#ifndef AGENTGOV_PROCFS_H
#define AGENTGOV_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
    uint32_t ppid;
    uint64_t start_ticks; /* since boot, in units of 1 / sysconf(_SC_CLK_TCK) */
    char comm[16];        /* NUL-padded */
};

struct proc_status {
    uint32_t tgid;
    uint32_t inner; /* pid in the process's own pid namespace */
    uint32_t uid, gid;
};

/* Bytes of /proc/PID/NAME, at most `cap`; -1 with errno when there is none. */
ssize_t proc_read(uint32_t pid, const char *name, char *out, size_t cap);

/* Target of the link /proc/PID/NAME; -1 with errno. */
ssize_t proc_link(uint32_t pid, const char *name, char *out, size_t cap);

/* Does that process run the very file that we do? */
bool proc_is_like_us(uint32_t pid);

bool proc_stat_read(uint32_t pid, struct proc_stat *out);
bool proc_status_read(uint32_t pid, struct proc_status *out);

/* The start as /proc knows it: CLOCK_BOOTTIME in ns, cut to 10 ms. */
uint64_t proc_start(const struct proc_stat *stat);

/* Can two starts be the same moment, as far as /proc can tell? */
bool proc_same_start(uint64_t a, uint64_t b);

/* The container's id (64 hexadecimal digits in a cgroup's name, as every engine writes it), or false. */
bool proc_container(uint32_t pid, char id[64]);

#endif
