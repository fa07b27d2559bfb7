/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tiers lsm and hook: the object that a call is about, as the kernel resolved it, told before the call goes on. The
 * loader joins it to the result that the same thread reports next. And work of an io_uring, which has no system call
 * and so no result: told here or not at all.
 *
 * The same body serves as `lsm/NAME` and as `fmod_ret/security_NAME`: the loader retargets it. None of these decides
 * anything: 0 lets the kernel go on in both. Where a policy is enforced, what decides at a hook tells this as well, so
 * that one program stands there and not two (enforce.bpf.h).
 *
 * path_* hooks and not inode_*: they come with the mount, without which a dentry has no name.
 */
#ifndef AGENTGOV_OBJECTS_H
#define AGENTGOV_OBJECTS_H

#define PF_IO_WORKER 0x10
#define NR_IO_URING_ENTER 426 /* the same in every table */

#define OBSERVER(hook, ...)                                                                                            \
    SEC("?lsm/" #hook)                                                                                                 \
    int BPF_PROG(on_##hook, __VA_ARGS__)

static __always_inline bool in_io_uring(void) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    if (BPF_CORE_READ(task, flags) & PF_IO_WORKER)
        return true;
    struct pt_regs *regs = current_regs();
    return regs && ag_syscall_nr(regs) == NR_IO_URING_ENTER;
}

static __always_inline struct scratch *object_begin(__u16 kind, __u64 op, __u8 cls, __u32 *slot) {
    if (!is_member(current_ids() >> 32))
        return NULL;
    struct scratch *s = record_begin(kind, cls, slot);
    if (!s)
        return NULL;
    s->rec.arg[0] = op;
    if (in_io_uring())
        s->rec.flags |= AG_F_URING;
    return s;
}

static __always_inline void object_send(struct scratch *s) {
    record_send(s, false);
    scratch_release(s);
}

/* One object: a name in a directory. */
static __always_inline int object(__u64 op, const struct path *dir, struct dentry *dentry) {
    __u32 slot;
    struct scratch *s = object_begin(AG_OBJECT, op, AG_CLASS_FILE, &slot);
    if (!s)
        return 0;
    part_path(s, slot, AG_PART_PATH, 0, dentry, BPF_CORE_READ(dir, mnt));
    object_send(s);
    return 0;
}

/* Two: what is there and what it becomes. Both sit on one mount, or the kernel had refused. */
static __always_inline int two_objects(__u64 op, const struct path *dir, struct dentry *from, struct dentry *to) {
    __u32 slot;
    struct scratch *s = object_begin(AG_OBJECT, op, AG_CLASS_FILE, &slot);
    if (!s)
        return 0;
    struct vfsmount *mnt = BPF_CORE_READ(dir, mnt);
    part_path(s, slot, AG_PART_PATH, 0, from, mnt);
    part_path(s, slot, AG_PART_PATH, AG_PART_SECOND, to, mnt);
    object_send(s);
    return 0;
}

OBSERVER(path_mknod, const struct path *dir, struct dentry *dentry) {
    return object(AG_OP_MKNOD, dir, dentry);
}

OBSERVER(path_mkdir, const struct path *dir, struct dentry *dentry) {
    return object(AG_OP_MKDIR, dir, dentry);
}

OBSERVER(path_unlink, const struct path *dir, struct dentry *dentry) {
    return object(AG_OP_UNLINK, dir, dentry);
}

OBSERVER(path_rmdir, const struct path *dir, struct dentry *dentry) {
    return object(AG_OP_RMDIR, dir, dentry);
}

OBSERVER(path_symlink, const struct path *dir, struct dentry *dentry) {
    return object(AG_OP_SYMLINK, dir, dentry);
}

OBSERVER(path_link, struct dentry *old, const struct path *dir, struct dentry *dentry) {
    return two_objects(AG_OP_LINK, dir, old, dentry);
}

OBSERVER(path_rename, const struct path *old_dir, struct dentry *old, const struct path *dir, struct dentry *dentry) {
    return two_objects(AG_OP_RENAME, old_dir, old, dentry);
}

OBSERVER(path_truncate, const struct path *path) {
    return object(AG_OP_TRUNCATE, path, BPF_CORE_READ(path, dentry));
}

OBSERVER(path_chmod, const struct path *path) {
    return object(AG_OP_CHMOD, path, BPF_CORE_READ(path, dentry));
}

OBSERVER(path_chown, const struct path *path) {
    return object(AG_OP_CHOWN, path, BPF_CORE_READ(path, dentry));
}

/* Opens have their result elsewhere; only those of a ring are told here, when the file is open but for this hook. */
static __always_inline void ring_opens(struct file *file) {
    __u32 slot;
    struct scratch *s = object_begin(AG_OPEN, BPF_CORE_READ(file, f_flags), AG_CLASS_FILE, &slot);
    if (!s)
        return;
    s->rec.arg[1] = BPF_CORE_READ(file, f_mode);
    if (s->rec.arg[1] & FMODE_WRITE)
        mark_written(file);
    if (s->rec.arg[1] & FMODE_CREATED)
        s->rec.flags |= AG_F_CREATED;
    part_file(s, slot, AG_PART_PATH, 0, file);
    if (s->rec.flags & AG_F_CREATED)
        record_send(s, false);
    else
        record_send_folded(s, slot, false);
    scratch_release(s);
}

OBSERVER(file_open, struct file *file) {
    if (is_member(current_ids() >> 32) && in_io_uring())
        ring_opens(file);
    return 0;
}

/* A descriptor from a process that need not be of the tree: SCM_RIGHTS, pidfd_getfd. */
OBSERVER(file_receive, struct file *file) {
    if (is_member(current_ids() >> 32) && BPF_CORE_READ(file, f_mode) & FMODE_WRITE)
        mark_written(file);
    return 0;
}

static __always_inline void ring_connects(struct socket *sock, void *address, int len) {
    __u32 slot;
    struct scratch *s = object_begin(AG_CONNECT, 0, AG_CLASS_NETWORK, &slot);
    if (!s)
        return;
    socket_args(s, sock);
    __u32 at = part_begin(s, AG_PART_SOCKADDR, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK, n = len;
    if (n > SOCKADDR_BYTES)
        n = SOCKADDR_BYTES;
    if (bpf_probe_read_kernel(&s->data[off], bounded(n, 2 * SOCKADDR_BYTES - 1), address))
        n = 0;
    part_end(s, at, n);
    object_send(s);
}

OBSERVER(socket_connect, struct socket *sock, void *address, int len) {
    if (is_member(current_ids() >> 32) && in_io_uring())
        ring_connects(sock, address, len);
    return 0;
}

/* An accepted connection gets its socket: also that of a ring, whose accept is no system call. */
OBSERVER(sock_graft, struct sock *sk) {
    if (!is_member(current_ids() >> 32) || !is_tcp(sk))
        return 0;
    struct conn conn = conn_of_current(true);
    conn_join(sk, &conn);
    return 0;
}

#endif
