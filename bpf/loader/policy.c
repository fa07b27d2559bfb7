/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "base64.h"
#include "hash_scan.h"
#include "hold.h"
#include "include/policy.h"
#include "policy.h"

#define TABLES 12

/* Where a key says which half it is of (include/policy.h). */
enum half_in {
    BY_ROW,   /* nothing to be cleared: rows are written anew */
    BY_STATE, /* the key begins with a state */
    BY_BYTE,  /* in `at` of the key */
};

struct table {
    const char *name;
    struct bpf_map *map; /* where each agent has its own; but `policy`, in which each has its rows */
    __u32 room;
    enum half_in half_in;
    size_t at;
};

AG_STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "BY_BYTE reads the low byte of a number");

static void tables_of(struct agentgov_bpf *skel, struct table tables[TABLES]) {
    struct table all[TABLES] = {
        {"policy", skel->maps.policy, 0, BY_ROW, 0},
        {"states", skel->maps.states, AG_HALVES * AG_STATES_MAX, BY_ROW, 0},
        {"edges_by_name", skel->maps.edges_by_name, AG_EDGES_BY_NAME_MAX, BY_STATE, 0},
        {"long_edges", skel->maps.long_edges, AG_LONG_EDGES_MAX, BY_STATE, 0},
        {"edges_by_class", skel->maps.edges_by_class, AG_EDGES_BY_CLASS_MAX, BY_STATE, 0},
        {"name_rows", skel->maps.name_rows, AG_HALVES * AG_NAME_ROWS_MAX, BY_ROW, 0},
        {"clauses", skel->maps.clauses, AG_HALVES * AG_CLAUSES_MAX, BY_ROW, 0},
        {"rules", skel->maps.rules, AG_HEADS * AG_RULES_MAX, BY_ROW, 0},
        {"rates", skel->maps.rates, AG_RATES_MAX, BY_ROW, 0},
        {"devices", skel->maps.devices, AG_DEVICES_MAX, BY_BYTE, offsetof(struct ag_device_key, half)},
        {"blocks", skel->maps.blocks, AG_BLOCKS_MAX, BY_BYTE, offsetof(struct ag_block, half)},
        {"inodes", skel->maps.inodes, AG_INODES_MAX, BY_BYTE, offsetof(struct ag_inode, half)},
    };
    memcpy(tables, all, sizeof(all));
}

void policy_size(struct agentgov_bpf *skel, struct agent_maps *own) {
    struct table tables[TABLES];
    tables_of(skel, tables);
    for (int i = 0; i < TABLES; i++)
        if (tables[i].room)
            agent_maps_size(own, tables[i].map, tables[i].room);
    agent_maps_size(own, skel->maps.scripts, AG_SCRIPTS_MAX);
}

/* Where the entries of a table lie. */
struct place {
    int fd;
    size_t key, value; /* bytes */
    __u32 first;       /* is added to each key: our rows of `policy` */
    bool is_trie;      /* takes entries only one at a time, before 5.13 */
};

static struct place place_of(const struct programs *p, const struct bpf_map *map) {
    if (map == p->skel->maps.policy)
        return (struct place){bpf_map__fd(map), bpf_map__key_size(map), bpf_map__value_size(map),
                              p->members.agent * AG_HEADS, false};
    const struct agent_map *own = agent_maps_find(&p->own, map);
    return (struct place){own->fd, own->key_size, own->value_size, 0, own->type == BPF_MAP_TYPE_LPM_TRIE};
}

static struct bpf_map *table_of(struct agentgov_bpf *skel, const struct command *c) {
    struct table tables[TABLES];
    tables_of(skel, tables);
    for (int i = 0; i < TABLES; i++)
        if (strlen(tables[i].name) == c->table_len && memcmp(tables[i].name, c->table, c->table_len) == 0)
            return tables[i].map;
    return NULL;
}

/* All keys, and behind them all values, as the kernel takes many at once. */
static int part(const struct place *to, const unsigned char *entries, size_t count, unsigned char *keys) {
    unsigned char *values = keys + count * to->key;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *entry = entries + i * (to->key + to->value);
        memcpy(keys + i * to->key, entry, to->key);
        memcpy(values + i * to->value, entry + to->key, to->value);
        if (to->first) {
            __u32 row;
            memcpy(&row, entry, sizeof(row));
            if (row >= AG_HEADS)
                return -E2BIG;
            row += to->first;
            memcpy(keys + i * to->key, &row, sizeof(row));
        }
    }
    return 0;
}

static int put_each(const struct place *to, const unsigned char *keys, size_t count) {
    const unsigned char *values = keys + count * to->key;
    for (size_t i = 0; i < count; i++)
        if (bpf_map_update_elem(to->fd, keys + i * to->key, values + i * to->value, BPF_ANY))
            return -errno;
    return 0;
}

static int put_all(const struct place *to, const unsigned char *bytes, size_t size, size_t *entries) {
    size_t each = to->key + to->value;
    __u32 count = size / each;
    *entries = 0;
    if (size % each)
        return -EINVAL;
    unsigned char *keys = malloc(size + 1);
    int err = keys ? part(to, bytes, count, keys) : -ENOMEM;
    if (!err && to->is_trie)
        err = put_each(to, keys, count);
    else if (!err && count && bpf_map_update_batch(to->fd, keys, keys + count * to->key, &count, NULL))
        err = -errno;
    free(keys);
    *entries = err ? 0 : size / each;
    return err;
}

int policy_put(struct programs *p, const struct command *c, size_t *entries, char *why, size_t size) {
    if (!p->enforces) {
        snprintf(why, size, "This loader was started without --enforce.");
        return -EINVAL;
    }
    struct bpf_map *map = table_of(p->skel, c);
    unsigned char *bytes = NULL;
    ssize_t n = map ? base64_decode(c->data, c->data_len, &bytes) : -EINVAL;
    int err = n < 0 ? n : 0;
    if (!err) {
        struct place to = place_of(p, map);
        hold_begin(); /* once for some thousand entries */
        err = put_all(&to, bytes, n, entries);
        hold_end();
    }
    free(bytes);
    if (err)
        snprintf(why, size, "A table of the policy could not be written: %s.", strerror(-err));
    return err;
}

static bool is_of(const struct table *t, const unsigned char *key, __u32 half) {
    __u32 state;
    memcpy(&state, key, sizeof(state));
    return t->half_in == BY_STATE ? state / AG_STATES_MAX == half : key[t->at] == half;
}

/* Takes out of a trie what is of that half. The next key is read first: one that has gone leads back to the start. */
static int clear_trie(const struct table *t, int fd, __u32 half, size_t *entries) {
    struct ag_block keys[2];
    int now = 0, err = bpf_map_get_next_key(fd, NULL, &keys[now]) ? -errno : 0;
    while (!err) {
        int next = bpf_map_get_next_key(fd, &keys[now], &keys[!now]) ? -errno : 0;
        if (is_of(t, (unsigned char *)&keys[now], half)) {
            err = bpf_map_delete_elem(fd, &keys[now]) ? -errno : 0;
            *entries += !err;
        }
        err = err ? err : next;
        now = !now;
    }
    return err == -ENOENT ? 0 : err;
}

/* A hash table of which one half is emptied. */
struct clearing {
    const struct table *table;
    struct place of;
    __u32 half;
    size_t *entries;
};

static int clear_part(void *arg, void *bytes, const void *values, __u32 count) {
    const struct clearing *c = arg;
    unsigned char *keys = bytes;
    __u32 out = 0;
    (void)values;
    for (__u32 i = 0; i < count; i++)
        if (is_of(c->table, keys + i * c->of.key, c->half))
            memmove(keys + out++ * c->of.key, keys + i * c->of.key, c->of.key);
    *c->entries += out;
    return out && bpf_map_delete_batch(c->of.fd, keys, &out, NULL) ? -errno : 0;
}

static int clear_table(struct programs *p, const struct table *t, __u32 half, size_t *entries) {
    struct clearing c = {t, place_of(p, t->map), half, entries};
    return c.of.is_trie ? clear_trie(t, c.of.fd, half, entries)
                        : hash_scan(c.of.fd, c.of.key, c.of.value, clear_part, &c);
}

static int clear_half(struct programs *p, __u32 half, size_t *entries) {
    struct table tables[TABLES];
    int err = 0;
    tables_of(p->skel, tables);
    for (int i = 0; i < TABLES && !err; i++)
        if (tables[i].half_in != BY_ROW)
            err = clear_table(p, &tables[i], half, entries);
    return err;
}

/*
 * Waits until all programs have ended that run now. An update of a map of maps does that (maybe_wait_bpf_programs() in
 * kernel/bpf/syscall.c, the same from 5.10 on), and nothing else is wanted of it here.
 */
static int wait_for_programs(struct agentgov_bpf *skel) {
    int inner = bpf_map__fd(skel->maps.unmarked), err = 0;
    LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = inner);
    __u32 zero = 0;
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "waiter", sizeof(zero), sizeof(__u32), 1, &options);
    if (fd < 0 || bpf_map_update_elem(fd, &zero, &inner, BPF_ANY))
        err = -errno;
    if (fd >= 0)
        close(fd);
    return err;
}

static struct ag_agent *own_row(struct programs *p) {
    return (struct ag_agent *)&p->skel->bss->agents[p->members.agent];
}

int policy_clear(struct programs *p, size_t *entries, char *why, size_t size) {
    __u32 half = p->enforces ? own_row(p)->policy_head / (AG_HEADS / AG_HALVES) : 0;
    *entries = 0;
    int err = p->enforces ? wait_for_programs(p->skel) : -EINVAL;
    if (!err)
        err = clear_half(p, !half, entries);
    if (err)
        snprintf(why, size, "The tables for another policy could not be emptied: %s.", strerror(-err));
    return err;
}

int policy_swap(struct programs *p, int64_t head, char *why, size_t size) {
    if (!p->enforces || head < 0 || head >= AG_HEADS) {
        snprintf(why, size, "There is no policy %lld.", (long long)head);
        return -EINVAL;
    }
    __atomic_store_n(&own_row(p)->policy_head, (__u32)head, __ATOMIC_SEQ_CST);
    return 0;
}

int policy_block(struct programs *p, bool all, char *why, size_t size) {
    if (!p->enforces) {
        snprintf(why, size, "This loader was started without --enforce.");
        return -EINVAL;
    }
    __atomic_store_n(&own_row(p)->log_failed, (__u32)all, __ATOMIC_SEQ_CST);
    return 0;
}
