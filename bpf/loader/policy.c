/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "include/policy.h"
#include "policy.h"

#define TABLES 11

struct table {
    const char *name;
    struct bpf_map *map;
    __u32 room;
};

static void tables_of(struct agentgov_bpf *skel, struct table tables[TABLES]) {
    struct table all[TABLES] = {
        {"policy", skel->maps.policy, 1},
        {"states", skel->maps.states, AG_STATES_MAX},
        {"edges_by_name", skel->maps.edges_by_name, AG_EDGES_BY_NAME_MAX},
        {"long_edges", skel->maps.long_edges, AG_LONG_EDGES_MAX},
        {"edges_by_class", skel->maps.edges_by_class, AG_EDGES_BY_CLASS_MAX},
        {"name_rows", skel->maps.name_rows, AG_NAME_ROWS_MAX},
        {"clauses", skel->maps.clauses, AG_CLAUSES_MAX},
        {"rules", skel->maps.rules, AG_RULES_MAX},
        {"devices", skel->maps.devices, AG_DEVICES_MAX},
        {"blocks", skel->maps.blocks, AG_BLOCKS_MAX},
        {"inodes", skel->maps.inodes, AG_INODES_MAX},
    };
    memcpy(tables, all, sizeof(all));
}

int policy_size(struct agentgov_bpf *skel) {
    struct table tables[TABLES];
    tables_of(skel, tables);
    for (int i = 0; i < TABLES; i++) {
        int err = bpf_map__set_max_entries(tables[i].map, tables[i].room);
        if (err)
            return err;
    }
    return 0;
}

static int digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* base64 (RFC 4648, with padding) to bytes; -1 when it is none. `out` has room for 3/4 of `len`. */
static ssize_t decode(const char *text, size_t len, unsigned char *out) {
    size_t n = 0;
    if (len % 4)
        return -1;
    for (size_t at = 0; at < len; at += 4) {
        bool last = at + 4 == len;
        int padding = !last || text[at + 3] != '=' ? 0 : text[at + 2] == '=' ? 2 : 1;
        uint32_t bits = 0;
        for (int i = 0; i < 4; i++) {
            int value = i >= 4 - padding ? 0 : digit(text[at + i]);
            if (value < 0)
                return -1;
            bits = bits << 6 | value;
        }
        for (int i = 0; i < 3 - padding; i++)
            out[n++] = bits >> (16 - 8 * i);
    }
    return n;
}

static struct bpf_map *table_of(struct agentgov_bpf *skel, const struct command *c) {
    struct table tables[TABLES];
    tables_of(skel, tables);
    for (int i = 0; i < TABLES; i++)
        if (strlen(tables[i].name) == c->table_len && memcmp(tables[i].name, c->table, c->table_len) == 0)
            return tables[i].map;
    return NULL;
}

static int put_all(struct bpf_map *map, const unsigned char *bytes, size_t size, size_t *entries) {
    size_t key = bpf_map__key_size(map), value = bpf_map__value_size(map);
    if (size % (key + value))
        return -EINVAL;
    for (*entries = 0; *entries < size / (key + value); ++*entries) {
        const unsigned char *entry = bytes + *entries * (key + value);
        int err = bpf_map__update_elem(map, entry, key, entry + key, value, BPF_ANY);
        if (err)
            return err;
    }
    return 0;
}

int policy_put(struct programs *p, const struct command *c, size_t *entries, char *why, size_t size) {
    if (!p->enforces) {
        snprintf(why, size, "This loader was started without --enforce.");
        return -EINVAL;
    }
    struct bpf_map *map = table_of(p->skel, c);
    unsigned char *bytes = malloc(c->data_len / 4 * 3 + 3);
    ssize_t n = map && bytes ? decode(c->data, c->data_len, bytes) : -1;
    int err = !bytes ? -ENOMEM : n < 0 ? -EINVAL : put_all(map, bytes, n, entries);
    free(bytes);
    if (err)
        snprintf(why, size, "A table of the policy could not be written: %s.", strerror(-err));
    return err;
}
