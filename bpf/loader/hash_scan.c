/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "hash_scan.h"

/* One system call reads so many; a bucket of the kernel's table is far smaller. */
#define BATCH 4096

int hash_scan(int fd, size_t key, size_t value, hash_part_fn take, void *arg) {
    unsigned char *keys = malloc(BATCH * (key + value)), *values = keys + BATCH * key;
    __u32 at, *from = NULL;
    int err = keys ? 0 : -ENOMEM;
    for (bool more = true; !err && more; from = &at) {
        __u32 count = BATCH;
        if (bpf_map_lookup_batch(fd, from, &at, keys, values, &count, NULL)) {
            err = errno == ENOENT ? 0 : -errno; /* the last part */
            more = false;
        }
        if (!err)
            err = take(arg, keys, values, count);
    }
    free(keys);
    return err;
}
