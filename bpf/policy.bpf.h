/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A policy's maps, and the automaton that a path runs through (include/policy.h says what it is).
 *
 * A path is the file's, not its spelling: from the dentry over d_parent up to the root of its file system, ignoring
 * mounts, and from there on where that file system stands in the name space (`devices`). So a bind mount, a chroot, a
 * mount namespace or /proc/self/root shows the same file under the same name, and a file system that stands nowhere
 * has no name that any rule with a place could speak of.
 */
#ifndef AGENTGOV_POLICY_BPF_H
#define AGENTGOV_POLICY_BPF_H

/* Row: number of the agent * AG_HEADS + head. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, AG_AGENTS *AG_HEADS);
    __type(key, __u32);
    __type(value, struct ag_policy);
} policy SEC(".maps");

/* Their sizes are set by the loader: those of policy.h where there is something to enforce. */
#define TABLE(name, kind, flags, key_type, value_type)                                                                 \
    PER_AGENT(                                                                                                         \
        name, struct {                                                                                                 \
            __uint(type, kind);                                                                                        \
            __uint(max_entries, 1);                                                                                    \
            __uint(map_flags, flags);                                                                                  \
            __uint(key_size, sizeof(key_type));                                                                        \
            __uint(value_size, sizeof(value_type));                                                                    \
        })

TABLE(states, BPF_MAP_TYPE_ARRAY, 0, __u32, struct ag_state);
TABLE(edges_by_name, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, struct ag_edge, __u32);
TABLE(long_edges, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, struct ag_long_edge, __u32);
TABLE(edges_by_class, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, struct ag_class_edge, __u32);
TABLE(name_rows, BPF_MAP_TYPE_ARRAY, 0, __u32, struct ag_name_row);
TABLE(clauses, BPF_MAP_TYPE_ARRAY, 0, __u32, struct ag_clause);
TABLE(rules, BPF_MAP_TYPE_ARRAY, 0, __u32, struct ag_rule);
TABLE(devices, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, struct ag_device_key, struct ag_device);
TABLE(inodes, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, struct ag_inode, __u32);
TABLE(blocks, BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, struct ag_block, struct ag_list);

/* Key of the policy that is in force for an agent. Whoever asks reads it once a question. */
static __always_inline __u32 head_of(__u32 agent) {
    return agent * AG_HEADS + (agent_row(agent)->policy_head & (AG_HEADS - 1));
}

/* The policy in force for the process that runs, for one look at it; NULL for nobody's. */
static __always_inline struct ag_policy *policy_now(void) {
    __u32 agent = current_agent(), head = head_of(agent);
    return agent ? bpf_map_lookup_elem(&policy, &head) : NULL;
}

/* The one that was in force when the question began: all of an answer comes from it. */
static __always_inline struct ag_policy *policy_of(struct scratch *s) {
    __u32 head = s->ask.head;
    return bpf_map_lookup_elem(&policy, &head);
}

static __always_inline struct ag_state *state_at(struct scratch *s, __u32 state) {
    return state ? own_entry(&states, s->agent, &state) : NULL;
}

/* What was mounted since, or elsewhere: a policy that is in force has no place for it. */
static __always_inline bool lies_nowhere(__u32 agent, struct file *file) {
    __u32 head = head_of(agent);
    struct ag_policy *p = bpf_map_lookup_elem(&policy, &head);
    struct ag_device_key key = {.half = p ? p->half : 0, .dev = BPF_CORE_READ(file, f_inode, i_sb, s_dev)};
    return p && p->active && !own_entry(&devices, agent, &key);
}

/*
 * Steps of one collect_step() or descend_step(), and how often each of two loops around it turns: 4,096 components,
 * since a name of 4,095 bytes has at most 2,048, but folders nest deeper than that.
 */
#define COLLECT_STEPS 16
#define DESCEND_STEPS 8
#define PLACE_TURNS 16
#define DESCEND_TURNS (PLACE_TURNS * COLLECT_STEPS / DESCEND_STEPS)

#define DCACHE_DISCONNECTED 0x20 /* include/linux/dcache.h: found by a handle, its folder is not known */

/* The dentries of a path, leaf first, lie where the record's parts will be. */
static __always_inline __u64 *dentry_slot(struct scratch *s, __u32 depth) {
    return (__u64 *)&s->data[(depth * sizeof(__u64)) & DATA_MASK];
}

/* Dentries from s->walk_dentry up. */
__attribute__((noinline)) int collect_step(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return WALK_DONE;
    struct dentry *dentry = (void *)s->walk_dentry;
    __u32 depth = s->ask.depth;
    int more = WALK_MORE;
    for (int i = 0; i < COLLECT_STEPS; i++) {
        struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
        if (parent == dentry) {
            more = WALK_DONE;
            break;
        }
        *dentry_slot(s, depth) = (__u64)dentry;
        depth++;
        dentry = parent;
    }
    s->walk_dentry = (__u64)dentry;
    s->ask.depth = depth;
    return more;
}

TURNED(collect_some, collect_step, PLACE_TURNS)

#define ROW_STEPS 8

/* From the byte at `i` on, up to ROW_STEPS steps over the name in the key under construction. */
__attribute__((noinline)) __u32 next_row(__u32 slot, __u32 row, __u32 i, __u32 len) {
    struct scratch *s = scratch_at(slot);
    for (__u32 step = 0; s && step < ROW_STEPS; step++, i++) {
        struct ag_name_row *at = own_entry(&name_rows, s->agent, &row);
        if (i >= len || !row)
            break;
        if (!at || i >= AG_NAME_LONG)
            return 0;
        __u32 from = bounded(i, AG_NAME_LONG - 1);
        __u8 byte = len > AG_NAME_SHORT ? s->ask.long_edge.name[from] : s->ask.edge.name[from & (AG_NAME_SHORT - 1)];
        row = at->next[byte];
    }
    return s ? row : 0;
}

/* The class of that name, among the patterns whose automaton begins at `row`. */
__attribute__((noinline)) __u32 class_of_name(__u32 slot, __u32 row, __u32 len) {
    for (__u32 i = 0; i < AG_NAME_LONG; i += ROW_STEPS) {
        if (i >= len || !row)
            break;
        row = next_row(slot, row, i, len);
    }
    struct scratch *s = row ? scratch_at(slot) : NULL;
    struct ag_name_row *end = s ? own_entry(&name_rows, s->agent, &row) : NULL;
    return end ? end->cls : 0;
}

/* The edge from a state over the name in the key under construction; NULL: it has none. */
static __always_inline __u32 *edge_from(struct scratch *s, __u32 slot, __u32 from, struct ag_state *state, __u32 len) {
    __u32 *next;
    if (len > AG_NAME_SHORT) {
        s->ask.long_edge.state = from;
        next = own_entry(&long_edges, s->agent, &s->ask.long_edge);
    } else {
        s->ask.edge.state = from;
        next = own_entry(&edges_by_name, s->agent, &s->ask.edge);
    }
    if (next || !state->row)
        return next;
    struct ag_class_edge key = {.state = from, .cls = class_of_name(slot, state->row, len)};
    return key.cls ? own_entry(&edges_by_class, s->agent, &key) : NULL;
}

/* One step of one run over that name. Apart, so that the verifier meets it once and not for each run. */
__attribute__((noinline)) __u32 next_state(__u32 slot, __u32 from, __u32 len) {
    struct scratch *s = scratch_at(slot);
    for (int looks = 0; s && looks < 2; looks++) {
        struct ag_state *state = state_at(s, from);
        if (!state)
            return 0;
        __u32 *next = edge_from(s, slot, from, state, len);
        if (next)
            return *next;
        if (state->other == from)
            return from;
        from = state->other;
    }
    return from;
}

/* Both runs over one name, and the third where it has parted from the first. */
static __always_inline int step_with(struct scratch *s, __u32 slot, const void *text, __u32 len) {
    if (len >= AG_NAME_LONG) { /* no file system of ours has such names, and no pattern could hold one */
        s->ask.fixed = s->ask.floating = s->ask.known = 0;
        s->ask.reason = AG_UNRESOLVED;
        return 0;
    }
    if (len > AG_NAME_SHORT) {
        __builtin_memset(s->ask.long_edge.name, 0, AG_NAME_LONG);
        s->ask.long_edge.len = len;
        bpf_probe_read_kernel(s->ask.long_edge.name, bounded(len, AG_NAME_LONG - 1), text);
    } else {
        __builtin_memset(s->ask.edge.name, 0, AG_NAME_SHORT);
        s->ask.edge.len = len;
        bpf_probe_read_kernel(s->ask.edge.name, bounded(len, 2 * AG_NAME_SHORT - 1), text);
    }
    bool parted = s->ask.known != s->ask.fixed;
    s->ask.fixed = next_state(slot, s->ask.fixed, len);
    s->ask.known = parted ? next_state(slot, s->ask.known, len) : s->ask.fixed;
    s->ask.floating = next_state(slot, s->ask.floating, len);
    return 0;
}

/* A name of the kernel. */
__attribute__((noinline)) int step_over(__u32 slot, __u64 text, __u32 len) {
    struct scratch *s = scratch_at(slot);
    return s ? step_with(s, slot, (void *)text, len) : 0;
}

/* A name that lies in the slot itself. */
__attribute__((noinline)) int step_over_own(__u32 slot, __u32 at, __u32 len) {
    struct scratch *s = scratch_at(slot);
    return s ? step_with(s, slot, &s->data[at & DATA_MASK], len) : 0;
}

/* A file that is known by its inode: from here on the third run goes by its name of then. */
__attribute__((noinline)) int meet_inode(__u32 slot, __u32 half, __u64 address) {
    struct scratch *s = scratch_at(slot);
    struct dentry *dentry = (void *)address;
    struct inode *inode = BPF_CORE_READ(dentry, d_inode);
    if (!s || !inode)
        return 0;
    struct ag_inode key = {.ino = BPF_CORE_READ(inode, i_ino), .dev = s->ask.dev, .half = half};
    __u32 *state = own_entry(&inodes, s->agent, &key);
    if (state)
        s->ask.known = *state;
    return 0;
}

__attribute__((noinline)) int descend_step(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    struct ag_policy *p = s ? policy_of(s) : NULL;
    if (!s || !p)
        return WALK_DONE;
    for (int i = 0; i < DESCEND_STEPS; i++) {
        if (!s->ask.depth || (!s->ask.fixed && !s->ask.floating && !s->ask.known && !p->by_inode))
            return WALK_DONE;
        s->ask.depth--;
        struct dentry *dentry = (void *)*dentry_slot(s, s->ask.depth);
        struct qstr name;
        BPF_CORE_READ_INTO(&name, dentry, d_name);
        step_over(slot, (__u64)name.name, name.len);
        if (p->by_inode)
            meet_inode(slot, p->half, (__u64)dentry);
    }
    return WALK_MORE;
}

TURNED(descend_some, descend_step, DESCEND_TURNS)

/*
 * Runs the path of the dentry in s->walk_dentry through the automaton: the states go to s->ask. A file system without a
 * place has no root that a pattern could begin at; what a pattern with `**` in front says of the components is still
 * true there.
 */
__attribute__((noinline)) int place_walked(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    struct ag_policy *p = s ? policy_of(s) : NULL;
    if (!s || !p)
        return 0;
    s->ask.leaf = s->walk_dentry;
    s->ask.depth = 0;
    s->ask.reason = 0;
    s->ask.fixed = s->ask.known = 0;
    s->ask.floating = p->floating;
    int more = WALK_MORE;
    for (int i = 0; i < PLACE_TURNS && more != WALK_DONE; i++)
        more = collect_some(slot);
    if (more != WALK_DONE) {
        s->ask.floating = 0;
        s->ask.reason = AG_TOO_DEEP;
        return 0;
    }
    struct dentry *root = (void *)s->walk_dentry;
    s->ask.dev = BPF_CORE_READ(root, d_sb, s_dev);
    struct ag_device_key key = {.half = p->half, .dev = s->ask.dev};
    struct ag_device *device = own_entry(&devices, s->agent, &key);
    if (device && BPF_CORE_READ(root, d_flags) & DCACHE_DISCONNECTED) {
        s->ask.floating = 0;
        s->ask.reason = AG_NAMELESS;
        return 0;
    }
    if (device) {
        s->ask.fixed = s->ask.known = device->fixed;
        s->ask.floating = device->floating;
    } else {
        s->ask.reason = AG_UNRESOLVED;
    }
    for (int i = 0; i < PLACE_TURNS; i++)
        if (descend_some(slot) == WALK_DONE)
            break;
    return 0;
}

/* The same of any dentry: through the slot, since a function of its own takes no pointer that the verifier knows. */
static __always_inline void place(struct scratch *s, __u32 slot, struct dentry *dentry) {
    s->walk_dentry = (__u64)dentry;
    place_walked(slot);
}

#endif
