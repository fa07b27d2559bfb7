/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which files the tree has written. A file becomes one where a descriptor comes to it that can write: an open, one that
 * somebody outside hands over, one that is open already when governing begins. Whatever writes needs one: write,
 * splice, a shared mapping, an io_uring. So one look at an open, and none at a write.
 *
 * A file is known by its inode, so that links and renames change nothing; the generation tells it from the next one
 * that gets the number. Marks are never taken away: nothing says when the last way to a file has gone. When there is no
 * room for one, all that has been changed since agentgov began counts as written: no call sets a file's ctime back,
 * but that of the machine's clock.
 */
#ifndef AGENTGOV_WRITTEN_H
#define AGENTGOV_WRITTEN_H

#define S_IFMT 0170000
#define S_IFREG 0100000
#define FMODE_WRITE 0x2
#define SB_I_NOEXEC 0x2 /* include/linux/fs.h: proc, sysfs and their like, whose inodes come and go */

PER_AGENT(
    written, struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, AG_WRITTEN_MAX);
        __uint(map_flags, BPF_F_NO_PREALLOC);
        __uint(key_size, sizeof(struct ag_written));
        __uint(value_size, sizeof(__u8));
    });

/* Row: number of the agent * AG_UNMARKED_ROWS + enum ag_unmarked. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, AG_AGENTS *AG_UNMARKED_ROWS);
    __type(key, __u32);
    __type(value, __u64);
} unmarked SEC(".maps");

static __always_inline __u64 *unmarked_row(__u32 agent, enum ag_unmarked what) {
    __u32 row = agent * AG_UNMARKED_ROWS + what;
    return bpf_map_lookup_elem(&unmarked, &row);
}

static __always_inline struct ag_written written_key(struct inode *inode) {
    return (struct ag_written){.ino = BPF_CORE_READ(inode, i_ino),
                               .dev = BPF_CORE_READ(inode, i_sb, s_dev),
                               .generation = BPF_CORE_READ(inode, i_generation)};
}

/* Who has this descriptor can write to the file, if it is one at all that could be run. */
static __always_inline void mark_written_by(__u32 agent, struct file *file) {
    struct inode *inode = BPF_CORE_READ(file, f_inode);
    if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG || BPF_CORE_READ(inode, i_sb, s_iflags) & SB_I_NOEXEC)
        return;
    struct ag_written key = written_key(inode);
    void *own = map_of(&written, agent);
    __u8 mark = 1;
    if (own && (bpf_map_lookup_elem(own, &key) || !bpf_map_update_elem(own, &key, &mark, BPF_ANY)))
        return;
    __u64 *lost = unmarked_row(agent, AG_UNMARKED_LOST);
    if (lost)
        *lost = 1;
    count_lost_of(agent, AG_CLASS_SECURITY, AG_LOSS_TABLE_FULL);
}

static __always_inline void mark_written(struct file *file) {
    mark_written_by(current_agent(), file);
}

/* Does it lie in a file system that a policy in force knows nothing of? (policy.bpf.h) */
static __always_inline bool lies_nowhere(__u32 agent, struct file *file);

/* What has no name any more (a memfd, a deleted file) nobody but who has it open can run: it counts as written. */
static __always_inline bool is_written(struct file *file) {
    __u32 agent = current_agent();
    struct inode *inode = BPF_CORE_READ(file, f_inode);
    struct ag_written key = written_key(inode);
    void *own = map_of(&written, agent);
    if (!BPF_CORE_READ(inode, i_nlink) || !own || bpf_map_lookup_elem(own, &key) || lies_nowhere(agent, file))
        return true;
    __u64 *lost = unmarked_row(agent, AG_UNMARKED_LOST), *since = unmarked_row(agent, AG_UNMARKED_SINCE);
    return lost && since && *lost && file_key(file).changed_s >= *since;
}

/* Run by the loader when it has governed somebody: what the members have open. */
SEC("iter/task_file")
int adopt_writers(struct bpf_iter__task_file *ctx) {
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    __u32 agent = task ? agent_of(tgid_of(task)) : AG_NOBODY;
    if (agent && file && BPF_CORE_READ(file, f_mode) & FMODE_WRITE)
        mark_written_by(agent, file);
    return 0;
}

#endif
