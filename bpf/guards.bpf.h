/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What belongs to some engine of this machine, its own tree's or another's (include/guards.h). Asked for members only,
 * and there only about processes outside their tree and about names that may be forbidden.
 */
#ifndef AGENTGOV_GUARDS_BPF_H
#define AGENTGOV_GUARDS_BPF_H

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct ag_guards);
} guards SEC(".maps");

static __always_inline struct ag_guards *all_guards(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&guards, &zero);
}

/* The next three are apart so that the verifier meets each once, and not once a round. */
__attribute__((noinline)) int row_has_process(__u32 row, __u32 pid, __u64 start) {
    struct ag_guards *g = all_guards();
    if (!g || row >= AG_GUARD_ROWS)
        return 0;
    for (__u32 i = 0; i < AG_GUARDS_MAX; i++) {
        if (i >= g->row[row].processes)
            break;
        if (g->row[row].process[i].pid == pid && g->row[row].process[i].start == start)
            return 1;
    }
    return 0;
}

/* An engine, its loader, or what would take them along. A number that has gone to somebody else is none. */
static __always_inline bool is_guard(struct task_struct *task) {
    struct ag_guards *g = all_guards();
    struct ag_id id = id_of(task);
    for (__u32 row = 0; g && row < AG_GUARD_ROWS; row++) {
        if (row >= g->rows)
            break;
        if (row_has_process(row, id.pid, id.start))
            return true;
    }
    return false;
}

/* The name under construction in the slot, against one of a row: what is forbidden over it. */
__attribute__((noinline)) __u32 name_forbids(__u32 slot, __u32 row, __u32 i) {
    struct scratch *s = scratch_at(slot);
    struct ag_guards *g = all_guards();
    if (!s || !g || row >= AG_GUARD_ROWS || i >= AG_GUARD_NAMES_MAX)
        return 0;
    struct ag_guard_name *n = &g->row[row].name[i];
    const char *name = s->ask.long_edge.name;
    if (n->folder != s->ask.folder || n->dev != s->ask.folder_dev)
        return 0;
    __u32 len = n->len;
    for (__u32 at = 0; at < AG_GUARD_NAME; at++) {
        if (at >= len)
            break;
        if (n->name[at] != name[at])
            return 0;
    }
    if (len >= AG_GUARD_NAME)
        return n->ops;
    char behind = name[len & (AG_GUARD_NAME - 1)], next = name[(len & (AG_GUARD_NAME - 1)) + 1];
    bool meant = (!behind && n->ends & AG_ENDS_HERE) || (behind == '.' && n->ends & AG_ENDS_WITH_DOT) ||
                 (behind == '-' && next >= '0' && next <= '9' && n->ends & AG_ENDS_WITH_NUMBER);
    return meant ? n->ops : 0;
}

/* What a row of another agent's forbids, where it has names in that folder, or in one that has the same bit. */
__attribute__((noinline)) __u32 row_forbids(__u32 slot, __u32 row) {
    struct scratch *s = scratch_at(slot);
    struct ag_guards *g = all_guards();
    __u32 ops = 0;
    if (!s || !g || row >= AG_GUARD_ROWS)
        return 0;
    volatile struct ag_agent *mine = agent_row(s->agent);
    bool own = g->row[row].loader == mine->loader && g->row[row].since == mine->since;
    if (own || !(g->row[row].folders & AG_FOLDER_BIT(s->ask.folder)))
        return 0;
    struct dentry *leaf = (void *)s->ask.leaf;
    s->ask.folder_dev = BPF_CORE_READ(leaf, d_sb, s_dev);
    bpf_probe_read_kernel_str(s->ask.long_edge.name, 2 * AG_GUARD_NAME, BPF_CORE_READ(leaf, d_name.name));
    for (__u32 i = 0; i < AG_GUARD_NAMES_MAX; i++) {
        if (i >= g->row[row].names)
            break;
        ops |= name_forbids(slot, row, i);
    }
    return ops;
}

/*
 * What the engines of other agents forbid over the name that s->ask.leaf is. What one's own does is among the clauses
 * of the policy, which say more precisely by which rule.
 */
__attribute__((noinline)) __u32 guards_forbid(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    struct ag_guards *g = all_guards();
    __u32 ops = 0;
    if (!s || !g)
        return 0;
    struct dentry *leaf = (void *)s->ask.leaf;
    s->ask.folder = BPF_CORE_READ(leaf, d_parent, d_inode, i_ino);
    for (__u32 row = 0; row < AG_GUARD_ROWS; row++) {
        if (row >= g->rows)
            break;
        ops |= row_forbids(slot, row);
    }
    return ops;
}

/* Is one of these operations forbidden over it? Most questions are answered by the first two comparisons. */
static __always_inline bool is_guarded_name(struct scratch *s, __u32 slot, __u32 ops) {
    struct ag_guards *g = all_guards();
    return s->ask.leaf && g && (g->ops & ops) && (guards_forbid(slot) & ops);
}

#endif
