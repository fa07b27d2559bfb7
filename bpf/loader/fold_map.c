/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <bpf/bpf.h>
#include "fold_map.h"
#include "hold.h"

/* One system call reads so many keys; a bucket of the kernel's table is far smaller. */
#define BATCH 4096

static bool lookup(void *arg, const struct ag_fold_key *key, __u64 *total) {
    struct ag_fold fold;
    if (bpf_map_lookup_elem(*(const int *)arg, key, &fold))
        return false;
    *total = fold.state == AG_FOLD_SEEN ? fold.count : 0;
    return true;
}

static void remove_all(int fd, const struct ag_fold_key *keys, size_t n) {
    for (size_t i = 0; i < n;) {
        __u32 done = n - i;
        /* Stops at a key that is not there; and not every kernel has the batch. */
        if (bpf_map_delete_batch(fd, &keys[i], &done, NULL) == 0)
            return;
        if (done > n - i)
            done = 0;
        i += done;
        if (i < n)
            bpf_map_delete_elem(fd, &keys[i++]);
    }
}

static void remove_keys(void *arg, const struct ag_fold_key *keys, size_t n) {
    hold_begin();
    remove_all(*(const int *)arg, keys, n);
    hold_end();
}

typedef void (*each_fn)(void *to, const struct ag_fold_key *key, const struct ag_fold *fold);

/* For kernels without the batch. */
static bool scan_one_by_one(int fd, each_fn each, void *to) {
    struct ag_fold_key key, next;
    void *at = NULL;
    size_t n = 0;
    while (n++ < 2 * AG_FOLDS_MAX && bpf_map_get_next_key(fd, at, &next) == 0) {
        struct ag_fold fold;
        if (bpf_map_lookup_elem(fd, &next, &fold) == 0)
            each(to, &next, &fold);
        key = next;
        at = &key;
    }
    return errno == ENOENT;
}

static bool scan(void *arg, each_fn each, void *to) {
    int fd = *(const int *)arg;
    struct ag_fold_key *keys = malloc(BATCH * sizeof(*keys));
    struct ag_fold *values = malloc(BATCH * sizeof(*values));
    bool whole = false;
    __u32 at = 0, n;
    void *from = NULL;
    while (keys && values) {
        n = BATCH;
        int err = bpf_map_lookup_batch(fd, from, &at, keys, values, &n, NULL);
        if (err && err != -ENOENT) {
            if (!from)
                whole = scan_one_by_one(fd, each, to);
            break;
        }
        for (__u32 i = 0; i < n && i < BATCH; i++)
            each(to, &keys[i], &values[i]);
        if (err) {
            whole = true; /* ENOENT: that was the last part */
            break;
        }
        from = &at;
    }
    free(keys);
    free(values);
    return whole;
}

struct fold_map fold_map_of(const int *fd) {
    return (struct fold_map){.arg = (void *)fd, .lookup = lookup, .remove = remove_keys, .scan = scan};
}

static void count_one(void *to, const struct ag_fold_key *key, const struct ag_fold *fold) {
    (void)key;
    (void)fold;
    ++*(size_t *)to;
}

size_t fold_map_count(int fd) {
    size_t n = 0;
    scan(&fd, count_one, &n);
    return n;
}
