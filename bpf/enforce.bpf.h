/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is asked at each hook: here about files. The same body serves as `lsm/NAME` and as `fmod_ret/security_NAME`, as
 * in objects.bpf.h; what is returned is the system call's answer, in both.
 *
 * A file is asked about by its dentry alone (policy.bpf.h); the mount is for the name that the record shows.
 */
#ifndef AGENTGOV_ENFORCE_H
#define AGENTGOV_ENFORCE_H

/* A program at a hook. What the body returns is the answer; `note` is what it was asked about (copies.bpf.h). */
#define DECIDER(hook, note, args...)                                                                                   \
    static __always_inline int ask_##hook(unsigned long long *ctx, ##args);                                            \
    COPIES(hook)                                                                                                       \
    SEC("?lsm/" #hook)                                                                                                 \
    int gov_##hook(unsigned long long *ctx) {                                                                          \
        _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wint-conversion\"");                         \
        int answer = ask_##hook(___bpf_ctx_cast(args));                                                                \
        _Pragma("GCC diagnostic pop");                                                                                 \
        if (!copied)                                                                                                   \
            return answer;                                                                                             \
        keep_own_stack(ctx, &decides_##hook, answer);                                                                  \
        return note_answer(note, answer);                                                                              \
    }                                                                                                                  \
    static __always_inline int ask_##hook(unsigned long long *ctx, ##args)

#define FMODE_READ 0x1
#define FMODE_EXEC_FLAG 0x20 /* in f_flags: opened by execve (include/linux/fs.h, __FMODE_EXEC) */
#define O_TRUNC 01000
#define EINVAL 22
#define RENAME_EXCHANGE 2
#define PID_FS_MAGIC 0x50494446 /* include/uapi/linux/magic.h */
#define BINFMTFS_MAGIC 0x42494e4d
#define S_IFDIR 0040000

/* A name that a file gets or loses (operations.ts, ASKS): what forbids to read it forbids to take it away. */
#define AG_LEAVES (AG_READ | AG_WRITE | AG_TRUNCATE)
#define AG_ARRIVES (AG_CREATE | AG_WRITE | AG_TRUNCATE)

/* How this kernel calls its hooks, set by the loader from their types. */
const volatile bool owners_by_path = false; /* there is path_chown */
const volatile bool rename_has_flags = false;
const volatile __u32 setattr_dentry = 0; /* which argument of inode_setattr is the dentry; iattr is the next one */
const volatile __u32 xattr_dentry = 0;   /* the same of inode_setxattr and inode_removexattr */

/* For hooks that come without a mount: the name then begins at the root of its file system. */
static __always_inline struct vfsmount *no_mount(void) {
    return (struct vfsmount *)(unsigned long)bpf_core_field_offset(struct mount, mnt);
}

/* One name in a file system. */
static __always_inline int decide_name(__u64 op, struct dentry *dentry, struct vfsmount *mnt, __u32 bits) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = verdict_begin(AG_OBJECT, &slot);
    if (!s)
        return verdict_busy();
    place(s, slot, dentry);
    ask(slot, AG_OF_FILE, bits, bits, 0);
    if (verdict_passes(s))
        return 0;
    s->rec.arg[0] = op;
    part_path(s, slot, AG_PART_PATH, 0, dentry, mnt);
    return verdict_end(s);
}

/*
 * The end of a question about what objects.bpf.h tells of every call: about a name, and what it becomes where there is
 * a second one. One record serves for both, since what they say of the object is the same: first for what is against
 * it, then, if it may go on, for the object.
 */
static __always_inline int object_end(struct scratch *s, __u32 slot, __u64 op, const struct path *dir,
                                      struct dentry *dentry, struct dentry *to) {
    bool told = is_told(), against = verdict_stands(s, told);
    struct vfsmount *mnt = BPF_CORE_READ(dir, mnt);
    s->rec.arg[0] = op;
    if (against || !told) {
        part_path(s, slot, AG_PART_PATH, 0, dentry, mnt);
        if (to)
            part_path(s, slot, AG_PART_PATH, AG_PART_SECOND, to, mnt);
    }
    int answer = against ? verdict_tell(s) : 0;
    if (!answer && !told) {
        if (in_io_uring())
            s->rec.flags |= AG_F_URING;
        s->rec.cls = AG_CLASS_FILE;
        s->rec.flags &= ~AG_F_VERDICT;
        record_send(s, false);
    }
    scratch_release(s);
    return answer;
}

/* One name in a file system, told as an object as well. */
static __always_inline int decide_object(__u64 op, const struct path *dir, struct dentry *dentry, __u32 bits) {
    __u32 slot;
    if (!is_member(current_ids() >> 32))
        return 0;
    struct scratch *s = verdict_begin(AG_OBJECT, &slot);
    if (!s)
        return verdict_busy();
    if (has_policy()) {
        place(s, slot, dentry);
        ask(slot, AG_OF_FILE, bits, bits, 0);
    }
    return object_end(s, slot, op, dir, dentry, NULL);
}

DECIDER(path_mknod, 1u << AG_PATH, const struct path *dir, struct dentry *dentry) {
    return decide_object(AG_OP_MKNOD, dir, dentry, AG_CREATE);
}

DECIDER(path_mkdir, 1u << AG_PATH, const struct path *dir, struct dentry *dentry) {
    return decide_object(AG_OP_MKDIR, dir, dentry, AG_CREATE);
}

DECIDER(path_symlink, 1u << AG_PATH, const struct path *dir, struct dentry *dentry) {
    return decide_object(AG_OP_SYMLINK, dir, dentry, AG_CREATE);
}

DECIDER(path_unlink, 1u << AG_PATH, const struct path *dir, struct dentry *dentry) {
    return decide_object(AG_OP_UNLINK, dir, dentry, AG_DELETE);
}

DECIDER(path_rmdir, 1u << AG_PATH, const struct path *dir, struct dentry *dentry) {
    return decide_object(AG_OP_RMDIR, dir, dentry, AG_DELETE);
}

DECIDER(path_chmod, 1u << AG_PATH, const struct path *path) {
    return decide_object(AG_OP_CHMOD, path, BPF_CORE_READ(path, dentry), AG_ATTR);
}

DECIDER(path_chown, 1u << AG_PATH, const struct path *path) {
    return decide_object(AG_OP_CHOWN, path, BPF_CORE_READ(path, dentry), AG_ATTR);
}

/*
 * Owners where there is no path_chown (5.10), and times everywhere. Writing to a file changes its times by another way;
 * cutting it and taking its set-uid bit away (ATTR_FORCE) are asked about as what they are.
 */
#define ATTR_UID (1 << 1)
#define ATTR_GID (1 << 2)
#define ATTR_SIZE (1 << 3)
#define ATTR_ATIME (1 << 4)
#define ATTR_MTIME (1 << 5)
#define ATTR_FORCE (1 << 9)

#define PF_DUMPCORE 0x200 /* include/linux/sched.h */

/*
 * A file system that lies on another one (overlayfs) works there with its own credentials: that is no call of ours, and
 * what the process itself has called has been asked about. A core dump is written with others too, and is ours.
 */
static __always_inline bool is_on_behalf(void) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    return BPF_CORE_READ(task, cred) != BPF_CORE_READ(task, real_cred) && !in_io_uring() &&
           !(BPF_CORE_READ(task, flags) & PF_DUMPCORE);
}

DECIDER(inode_setattr, NOTE_OTHER) {
    struct dentry *dentry = (struct dentry *)(setattr_dentry ? btf_arg(ctx, 1) : btf_arg(ctx, 0));
    struct iattr *attr = (struct iattr *)(setattr_dentry ? btf_arg(ctx, 2) : btf_arg(ctx, 1));
    if (!is_governed() || is_on_behalf())
        return 0;
    unsigned valid = BPF_CORE_READ(attr, ia_valid);
    unsigned asked = ATTR_ATIME | ATTR_MTIME | (owners_by_path ? 0 : ATTR_UID | ATTR_GID);
    if (!(valid & asked) || (valid & (ATTR_SIZE | ATTR_FORCE)))
        return 0;
    return decide_name(AG_OP_CHOWN, dentry, no_mount(), AG_ATTR);
}

static __always_inline int decide_attribute(struct dentry *dentry) {
    return is_governed() && !is_on_behalf() ? decide_name(AG_OP_CHOWN, dentry, no_mount(), AG_ATTR) : 0;
}

/* Extended attributes: file capabilities among them, and up to 6.1 access control lists. */
DECIDER(inode_setxattr, NOTE_OTHER) {
    return decide_attribute((struct dentry *)(xattr_dentry ? btf_arg(ctx, 1) : btf_arg(ctx, 0)));
}

DECIDER(inode_removexattr, NOTE_OTHER) {
    return decide_attribute((struct dentry *)(xattr_dentry ? btf_arg(ctx, 1) : btf_arg(ctx, 0)));
}

/* Access control lists from 6.2 on. */
DECIDER(inode_set_acl, NOTE_OTHER, void *idmap, struct dentry *dentry) {
    return decide_attribute(dentry);
}

DECIDER(inode_remove_acl, NOTE_OTHER, void *idmap, struct dentry *dentry) {
    return decide_attribute(dentry);
}

/* Flags (chattr), from 6.17 on, when they can be changed by name. Before, by who has it open, and nobody is asked. */
DECIDER(inode_file_setattr, NOTE_OTHER, struct dentry *dentry) {
    return decide_attribute(dentry);
}

/* The system call that the current process is in, or NULL. */
static __always_inline const struct ag_layout *current_layout(void) {
    struct call call = {};
    struct pt_regs *regs = current_regs();
    return regs && call_read(regs, &call) ? call.layout : NULL;
}

/*
 * A file that loses its length. An open with O_TRUNC passes here too, behind file_open, which has asked whether the
 * file may be written.
 */
static __always_inline bool cut_by_open(void) {
    const struct ag_layout *layout = current_layout();
    return layout && layout->handler == AG_H_OPEN;
}

DECIDER(path_truncate, 1u << AG_PATH, const struct path *path) {
    if (!is_member(current_ids() >> 32) || cut_by_open())
        return 0;
    return decide_object(AG_OP_TRUNCATE, path, BPF_CORE_READ(path, dentry), AG_TRUNCATE);
}

/* From 6.2 on a file that is open is cut by this hook instead. */
DECIDER(file_truncate, 1u << AG_PATH, struct file *file) {
    if (!is_governed() || cut_by_open())
        return 0;
    return decide_name(AG_OP_TRUNCATE, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt),
                       AG_TRUNCATE);
}

DECIDER(path_link, 1u << AG_PATH, struct dentry *old, const struct path *dir, struct dentry *dentry) {
    __u32 slot;
    if (!is_member(current_ids() >> 32))
        return 0;
    struct scratch *s = verdict_begin(AG_OBJECT, &slot);
    if (!s)
        return verdict_busy();
    if (has_policy()) {
        place(s, slot, old);
        ask(slot, AG_OF_FILE, AG_LINK, AG_LINK | AG_LEAVES, 0);
        place(s, slot, dentry);
        ask(slot, AG_OF_FILE, AG_LINK, AG_LINK | AG_ARRIVES, 0);
    }
    return object_end(s, slot, AG_OP_LINK, dir, old, dentry);
}

static __always_inline void ask_move(struct scratch *s, __u32 slot, struct dentry *from, struct dentry *to) {
    place(s, slot, from);
    ask(slot, AG_OF_FILE, AG_RENAME, AG_RENAME | AG_LEAVES | AG_DELETE, 0);
    place(s, slot, to);
    ask(slot, AG_OF_FILE, AG_RENAME, AG_RENAME | AG_ARRIVES, 0);
    if ((BPF_CORE_READ(from, d_inode, i_mode) & S_IFMT) != S_IFDIR)
        return;
    place(s, slot, from);
    ask(slot, AG_OF_FILE, 0, AG_RENAME | AG_LEAVES | AG_DELETE, ASK_BELOW);
}

/* Up to 5.18 an exchange is two calls of the LSM hook, the second with both names the other way round. */
DECIDER(path_rename, 1u << AG_PATH) {
    const struct path *dir = (const struct path *)btf_arg(ctx, 0);
    struct dentry *old = (struct dentry *)btf_arg(ctx, 1), *dentry = (struct dentry *)btf_arg(ctx, 3);
    bool exchange = rename_has_flags && ((__u32)btf_arg(ctx, 4) & RENAME_EXCHANGE);
    __u32 slot;
    if (!is_member(current_ids() >> 32))
        return 0;
    struct scratch *s = verdict_begin(AG_OBJECT, &slot);
    if (!s)
        return verdict_busy();
    if (has_policy()) {
        ask_move(s, slot, old, dentry);
        if (exchange)
            ask_move(s, slot, dentry, old);
    }
    return object_end(s, slot, AG_OP_RENAME, dir, old, dentry);
}

/*
 * `counted`: what counts for a `max` has been asked already. What an overlay opens below itself has been asked about by
 * the name that the process gave: what a rule closes is closed by both, but an allow-list that lets the upper name
 * through means that file.
 */
static __always_inline int decide_open(struct file *file, __u32 flags, __u32 mode, bool counted) {
    __u32 slot, how = is_on_behalf() ? ASK_RULES_ONLY : 0;
    struct scratch *s = verdict_begin(AG_OPEN, &slot);
    if (!s)
        return verdict_busy();
    place(s, slot, BPF_CORE_READ(file, f_path.dentry));
    s->ask.asked = counted;
    if (mode & FMODE_READ)
        ask(slot, AG_OF_FILE, AG_READ, AG_READ, how);
    if ((mode & FMODE_WRITE) || (flags & O_TRUNC))
        ask(slot, AG_OF_FILE, AG_WRITE, AG_WRITE, how);
    if ((mode & FMODE_WRITE) && BPF_CORE_READ(file, f_path.dentry, d_sb, s_magic) == BINFMTFS_MAGIC)
        add_own(s, AG_OWN_KERNEL); /* which programs others run, too */
    if (verdict_passes(s))
        return 0;
    s->rec.arg[0] = flags;
    s->rec.arg[1] = mode;
    part_file(s, slot, AG_PART_PATH, 0, file);
    return verdict_end(s);
}

/* Some calls let the process itself say so, and open (mq_open, and ioctls of XFS). */
static __always_inline bool opened_by_execve(__u32 flags) {
    const struct ag_layout *layout = flags & FMODE_EXEC_FLAG ? current_layout() : NULL;
    return layout && layout->kind == AG_EXEC_FAIL;
}

/*
 * What execve opens is asked about in bprm_check_security, where it is known which file is run. From 6.9 on a pidfd is
 * a file that is opened: it has no name, and what it is good for is asked about as a signal and as ptrace.
 */
static __always_inline int ask_of_open(struct file *file) {
    __u32 flags = BPF_CORE_READ(file, f_flags), mode = BPF_CORE_READ(file, f_mode);
    if (opened_by_execve(flags))
        return 0;
    if (BPF_CORE_READ(file, f_path.dentry, d_sb, s_magic) == PID_FS_MAGIC)
        return 0;
    bool created = mode & FMODE_CREATED; /* counted where it was made: that is one operation */
    int answer = decide_open(file, flags, mode, created);
    if (!answer && (mode & FMODE_WRITE))
        mark_written(file);
    return answer;
}

DECIDER(file_open, 1u << AG_OPEN, struct file *file) {
    if (!is_member(current_ids() >> 32))
        return 0;
    int answer = has_policy() ? ask_of_open(file) : 0;
    if (!answer && in_io_uring() && !is_told())
        ring_opens(file);
    return answer;
}

/* Who watches a folder is told the names in it. An allow-list does not speak of that: watching opens nothing. */
DECIDER(path_notify, NOTE_OTHER, const struct path *path) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = verdict_begin(AG_OPEN, &slot);
    if (!s)
        return verdict_busy();
    struct dentry *dentry = BPF_CORE_READ(path, dentry);
    place(s, slot, dentry);
    ask(slot, AG_OF_FILE, AG_READ, AG_READ, ASK_RULES_ONLY);
    if (verdict_passes(s))
        return 0;
    s->rec.arg[1] = FMODE_READ;
    part_path(s, slot, AG_PART_PATH, 0, dentry, BPF_CORE_READ(path, mnt));
    return verdict_end(s);
}

/* Has it a name that could have been opened? A pipe, a socket, a memfd lie in mounts of the kernel's own. */
static __always_inline bool has_name(struct file *file) {
    struct mount *mount = real_mount((__u64)BPF_CORE_READ(file, f_path.mnt));
    return (__u64)BPF_CORE_READ(mount, mnt_ns) != (__u64)-EINVAL;
}

/*
 * A descriptor that comes in open (SCM_RIGHTS, pidfd_getfd): asked about as an open of what it can do, whoever has
 * opened it. A message comes without those that are denied, and the call that receives it succeeds.
 */
DECIDER(file_receive, NOTE_OTHER, struct file *file) {
    if (!is_member(current_ids() >> 32))
        return 0;
    __u32 mode = BPF_CORE_READ(file, f_mode);
    int answer = has_policy() && has_name(file) ? decide_open(file, BPF_CORE_READ(file, f_flags), mode, true) : 0;
    if (!answer && mode & FMODE_WRITE)
        mark_written(file);
    return answer;
}

#endif
