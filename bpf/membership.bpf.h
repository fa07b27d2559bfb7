/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is governed. One byte for every tgid that can exist, so there is no lookup that can fail, no table that can be
 * full, and the answer costs about 2 ns: this is the first line of every program, and for processes outside the tree
 * the only one.
 */
#ifndef AGENTGOV_MEMBERSHIP_H
#define AGENTGOV_MEMBERSHIP_H

#define EEXIST 17

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, AG_MEMBER_ROWS);
    __type(key, __u32);
    __type(value, struct ag_member_row);
} members SEC(".maps");

/* Fork edges of the whole machine, child -> parent, only while `attaching`. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, AG_EDGES_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct ag_id);
    __type(value, struct ag_id);
} edges SEC(".maps");

/* Set by the loader while it attaches to a tree that already runs. */
volatile __u32 attaching = 0;

/* Edges that found no room: the closure over them would not be complete. */
volatile __u64 edges_lost = 0;

/* Pointer to the member byte of a tgid; NULL only for a number that no process can have. */
static __always_inline __u8 *member_byte(__u32 tgid) {
    __u32 row = tgid / AG_MEMBER_ROW;
    struct ag_member_row *r = bpf_map_lookup_elem(&members, &row);
    return r ? &r->slot[tgid % AG_MEMBER_ROW] : NULL;
}

static __always_inline bool is_member(__u32 tgid) {
    __u8 *byte = member_byte(tgid);
    return byte && *byte == AG_MEMBER;
}

/* The first that is told of a child stays: its fork, or else the first end of a parent. */
static __always_inline void record_edge(const struct ag_id *child, const struct ag_id *parent) {
    int err = bpf_map_update_elem(&edges, child, parent, BPF_NOEXIST); /* 32 bits: the kernel calls the map itself */
    if (err && err != -EEXIST)
        __sync_fetch_and_add(&edges_lost, 1);
}

#endif
