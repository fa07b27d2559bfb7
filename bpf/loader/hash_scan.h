/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All entries of a hash table of the kernel, many in one system call. */
#ifndef AGENTGOV_HASH_SCAN_H
#define AGENTGOV_HASH_SCAN_H

#include <stddef.h>
#include <linux/types.h>

/* Takes some of them: the keys one behind the other, and so the values. 0; a negative errno ends the scan. */
typedef int (*hash_part_fn)(void *arg, void *keys, const void *values, __u32 count);

/* `key` and `value`: bytes of each. A part may be taken out of the table while it is taken. 0, or a negative errno. */
int hash_scan(int fd, size_t key, size_t value, hash_part_fn take, void *arg);

#endif
