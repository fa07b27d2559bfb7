/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <bpf/bpf.h>
#include "fold_map.h"
#include "hash_scan.h"
#include "hold.h"

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

struct scanning {
    each_fn each;
    void *to;
    bool begun;
};

static int scan_part(void *arg, void *keys, const void *values, __u32 count) {
    struct scanning *s = arg;
    s->begun = true;
    for (__u32 i = 0; i < count; i++)
        s->each(s->to, (const struct ag_fold_key *)keys + i, (const struct ag_fold *)values + i);
    return 0;
}

static bool scan(void *arg, each_fn each, void *to) {
    int fd = *(const int *)arg;
    struct scanning s = {.each = each, .to = to};
    int err = hash_scan(fd, sizeof(struct ag_fold_key), sizeof(struct ag_fold), scan_part, &s);
    return !err || (!s.begun && err != -ENOMEM && scan_one_by_one(fd, each, to));
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
