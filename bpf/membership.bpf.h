/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is governed, and as whose. One byte for every tgid that can exist, so there is no lookup that can fail, no table
 * that can be full, and the answer costs about 2 ns: this is the first line of every program, and for processes outside
 * all trees the only one.
 *
 * What belongs to one agent alone is found by its number (include/agents.h): a row, or for what can fill up a map of
 * its own, so that no agent takes another one's room.
 */
#ifndef AGENTGOV_MEMBERSHIP_H
#define AGENTGOV_MEMBERSHIP_H

#define ENOENT 2
#define EEXIST 17

/* Rows by number, and what the set consists of. */
volatile struct ag_agent agents[AG_AGENTS] = {};
struct ag_set set = {};

/*
 * A map of which each agent has its own: made, and put in here, by its loader (bpf/loader/agent_maps.h). `inner` says
 * of its keys and values only how long they are: clang leaves their types out where nothing else in BTF needs them.
 */
#define PER_AGENT(name, inner)                                                                                         \
    struct {                                                                                                           \
        __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                                                      \
        __uint(max_entries, AG_AGENTS);                                                                                \
        __type(key, __u32);                                                                                            \
        __array(values, inner);                                                                                        \
    } name SEC(".maps")

/* An agent's own one of those; NULL when nobody has the number. */
static __always_inline void *map_of(void *maps, __u32 agent) {
    return bpf_map_lookup_elem(maps, &agent);
}

/* What an agent's own map has under a key, or NULL. */
static __always_inline void *own_entry(void *maps, __u32 agent, const void *key) {
    void *own = map_of(maps, agent);
    return own ? bpf_map_lookup_elem(own, key) : NULL;
}

/* Puts it there, or takes it out. 0, or a negative errno. */
static __always_inline long own_put(void *maps, __u32 agent, const void *key, const void *value) {
    void *own = map_of(maps, agent);
    return own ? bpf_map_update_elem(own, key, value, BPF_ANY) : -ENOENT;
}

static __always_inline long own_remove(void *maps, __u32 agent, const void *key) {
    void *own = map_of(maps, agent);
    return own ? bpf_map_delete_elem(own, key) : -ENOENT;
}

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
    return r ? &r->agent[tgid % AG_MEMBER_ROW] : NULL;
}

/* What a member byte says; AG_NOBODY for one that is only claimed. */
static __always_inline __u32 agent_in(__u8 byte) {
    return byte < AG_AGENTS ? byte : AG_NOBODY;
}

/* Whose a process is. */
static __always_inline __u32 agent_of(__u32 tgid) {
    __u8 *byte = member_byte(tgid);
    return byte ? agent_in(*byte) : AG_NOBODY;
}

static __always_inline bool is_member(__u32 tgid) {
    return agent_of(tgid) != AG_NOBODY;
}

/* Whose the process is that runs. Apart, since it is asked in many places of each program. */
__attribute__((noinline)) __u32 current_agent(void) {
    return agent_of(current_ids() >> 32);
}

/* Of the tree of the process that runs? Another agent's is as much outside as anybody's. */
static __always_inline bool is_kin(__u32 tgid) {
    return agent_of(tgid) == current_agent();
}

/* The row of an agent. Bounded, for a number that comes from memory. */
static __always_inline volatile struct ag_agent *agent_row(__u32 agent) {
    return &agents[agent & (AG_AGENTS - 1)];
}

/* The first that is told of a child stays: its fork, or else the first end of a parent. */
static __always_inline void record_edge(const struct ag_id *child, const struct ag_id *parent) {
    int err = bpf_map_update_elem(&edges, child, parent, BPF_NOEXIST); /* 32 bits: the kernel calls the map itself */
    if (err && err != -EEXIST)
        __sync_fetch_and_add(&edges_lost, 1);
}

#endif
