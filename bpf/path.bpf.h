/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Paths as the kernel knows them: from a dentry and its mount up to the root of the mount namespace, never to the
 * process's own root (a chroot must not shorten a name) and never with bpf_d_path (not to be had in half of our
 * program types, and compiled away on 6.17 when its buffer is on the stack).
 *
 * Components are appended leaf first, each with its NUL: the walk goes in that direction, and it is the loader's
 * work, not the kernel's, to turn them round.
 */
#ifndef AGENTGOV_PATH_H
#define AGENTGOV_PATH_H

/*
 * Steps of one path_walk(), and how often each of two loops around it turns: the verifier follows every turn, but looks
 * into a function once. 4,356 steps: a path of 4,096 bytes has at most 2,048 components, and each may be a mount.
 */
#define WALK_STEPS 4
#define WALK_TURNS 33
#define NAME_BYTES 256

enum { WALK_MORE, WALK_DONE };

/* A loop around steps, until one is the last: the verifier looks once into the function of a step, and once into this.
 */
#define TURNED(name, step, turns)                                                                                      \
    __attribute__((noinline)) int name(__u32 slot) {                                                                   \
        for (int i = 0; i < (turns); i++)                                                                              \
            if (step(slot) == WALK_DONE)                                                                               \
                return WALK_DONE;                                                                                      \
        return WALK_MORE;                                                                                              \
    }

static __always_inline struct mount *real_mount(__u64 vfsmount) {
    return (struct mount *)(vfsmount - bpf_core_field_offset(struct mount, mnt));
}

__attribute__((noinline)) int path_walk(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return WALK_DONE;
    struct dentry *dentry = (void *)s->walk_dentry;
    struct mount *mnt = (void *)s->walk_mnt;
    struct dentry *mnt_root = BPF_CORE_READ(mnt, mnt.mnt_root);
    __u32 end = s->walk_end, limit = s->walk_limit;
    for (int i = 0; i < WALK_STEPS; i++) {
        struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
        if (dentry == mnt_root || dentry == parent) {
            struct mount *up = BPF_CORE_READ(mnt, mnt_parent);
            if (up == mnt || !up) {
                s->walk_mnt = (__u64)mnt;
                s->walk_dentry = (__u64)dentry;
                s->walk_end = end;
                return WALK_DONE;
            }
            dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
            mnt = up;
            mnt_root = BPF_CORE_READ(mnt, mnt.mnt_root);
            continue;
        }
        struct qstr name;
        BPF_CORE_READ_INTO(&name, dentry, d_name);
        __u32 len = name.len & (NAME_BYTES - 1);
        end &= DATA_MASK;
        if (end + len + 1 > limit) {
            s->walk_end = end;
            s->walk_limit = 0;
            return WALK_DONE;
        }
        bpf_probe_read_kernel(&s->data[end], bounded(len, NAME_BYTES - 1), name.name);
        s->data[(end + len) & (DATA_BYTES - 1)] = 0;
        end += len + 1;
        dentry = parent;
    }
    s->walk_dentry = (__u64)dentry;
    s->walk_mnt = (__u64)mnt;
    s->walk_end = end;
    return WALK_MORE;
}

TURNED(path_walk_on, path_walk, WALK_TURNS)
TURNED(path_walk_all, path_walk_on, WALK_TURNS)

/* Appends the path at which the walk is to begin. A function of its own, as hash_step() is. */
__attribute__((noinline)) int path_append(__u32 slot, __u32 type, __u32 flags) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return 0;
    struct dentry *dentry = (void *)s->walk_dentry;
    __u32 at = part_begin(s, type, flags);
    __u32 begin = at + sizeof(struct ag_part);
    if (dentry != BPF_CORE_READ(dentry, d_parent) && !BPF_CORE_READ(dentry, d_hash.pprev))
        part_flag(s, at, AG_PART_DELETED);
    s->walk_end = begin;
    s->walk_limit = begin + AG_PATH_MAX;
    if (path_walk_all(slot) != WALK_DONE || !s->walk_limit)
        part_flag(s, at, AG_PART_CUT);
    else {
        /* A mount outside every namespace (pipe, memfd, lazily unmounted) has NULL or an error pointer here. */
        struct mount *last = (void *)s->walk_mnt;
        __u64 ns = (__u64)BPF_CORE_READ(last, mnt_ns);
        if (!ns || ns >= (__u64)-4095)
            part_flag(s, at, AG_PART_OUTSIDE);
        struct dentry *top = (void *)s->walk_dentry;
        if ((!ns || ns >= (__u64)-4095) && s->walk_end == begin) {
            /* Its only name is that of its root dentry: "memfd:x", "[eventfd]". */
            __u32 len = BPF_CORE_READ(top, d_name.len) & (NAME_BYTES - 1);
            __u32 end = s->walk_end & DATA_MASK;
            bpf_probe_read_kernel(&s->data[end], bounded(len, NAME_BYTES - 1), BPF_CORE_READ(top, d_name.name));
            s->data[(end + len) & (DATA_BYTES - 1)] = 0;
            s->walk_end = end + len + 1;
        }
    }
    part_end(s, at, (s->walk_end - begin) & (2 * AG_PATH_MAX - 1));
    return 0;
}

/* Appends a resolved path as one part; an empty one is the root itself. */
static __always_inline void part_path(struct scratch *s, __u32 slot, __u8 type, __u8 flags, struct dentry *dentry,
                                      struct vfsmount *mnt) {
    s->walk_dentry = (__u64)dentry;
    s->walk_mnt = (__u64)real_mount((__u64)mnt);
    path_append(slot, type, flags);
}

static __always_inline void part_file(struct scratch *s, __u32 slot, __u8 type, __u8 flags, struct file *file) {
    part_path(s, slot, type, flags, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt));
}

/* A function of its own, as hash_step() is. */
__attribute__((noinline)) __u64 open_file(__s64 fd) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct fdtable *table = BPF_CORE_READ(task, files, fdt);
    if (fd < 0 || fd >= BPF_CORE_READ(table, max_fds))
        return 0;
    struct file **fds = BPF_CORE_READ(table, fd);
    __u64 file = 0;
    bpf_probe_read_kernel(&file, sizeof(file), &fds[fd]);
    return file;
}

/* The open file behind a descriptor of the current process, or NULL. */
static __always_inline struct file *file_of_fd(__s64 fd) {
    return (struct file *)open_file(fd);
}

/*
 * Appends a name as the process gave it, and the directory that it starts from: the one behind `dirfd`, the current
 * directory, or, for an absolute name, the process's root when that is not the root of the namespace (chroot).
 */
__attribute__((noinline)) int part_asked(__u32 slot, __u32 flags, __u64 name, __s32 dirfd) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return 0;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct fs_struct *fs = BPF_CORE_READ(task, fs);
    __u32 asked = s->rec.size;
    part_user_string(s, AG_PART_ASKED, flags, name, AG_PATH_MAX);
    char first = s->data[(asked + sizeof(struct ag_part)) & DATA_MASK];
    struct dentry *dentry;
    struct vfsmount *mnt;
    if (first == '/') {
        dentry = BPF_CORE_READ(fs, root.dentry);
        mnt = BPF_CORE_READ(fs, root.mnt);
    } else if (dirfd == -100 /* AT_FDCWD */) {
        dentry = BPF_CORE_READ(fs, pwd.dentry);
        mnt = BPF_CORE_READ(fs, pwd.mnt);
    } else {
        struct file *dir = file_of_fd(dirfd);
        if (!dir)
            return 0;
        dentry = BPF_CORE_READ(dir, f_path.dentry);
        mnt = BPF_CORE_READ(dir, f_path.mnt);
    }
    part_path(s, slot, AG_PART_BASE, flags, dentry, mnt);
    return 0;
}

#endif
