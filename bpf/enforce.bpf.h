/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is asked at each hook. The same body serves as `lsm/NAME` and as `fmod_ret/security_NAME`, as in objects.bpf.h;
 * what is returned is the system call's answer, in both.
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

#define ANON_INODE_FS_MAGIC 0x09041934 /* include/uapi/linux/magic.h */
#define FMODE_READ 0x1
#define FMODE_EXEC_FLAG 0x20 /* in f_flags: opened by execve (include/linux/fs.h, __FMODE_EXEC) */
#define O_TRUNC 01000
#define EINVAL 22
#define PROT_READ 1
#define PROT_EXEC 4
#define READ_IMPLIES_EXEC 0x0400000 /* include/uapi/linux/personality.h */
#define RENAME_EXCHANGE 2
#define PID_FS_MAGIC 0x50494446 /* include/uapi/linux/magic.h */
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

DECIDER(inode_setattr, NOTE_OTHER) {
    struct dentry *dentry = (struct dentry *)(setattr_dentry ? btf_arg(ctx, 1) : btf_arg(ctx, 0));
    struct iattr *attr = (struct iattr *)(setattr_dentry ? btf_arg(ctx, 2) : btf_arg(ctx, 1));
    if (!is_governed())
        return 0;
    unsigned valid = BPF_CORE_READ(attr, ia_valid);
    unsigned asked = ATTR_ATIME | ATTR_MTIME | (owners_by_path ? 0 : ATTR_UID | ATTR_GID);
    if (!(valid & asked) || (valid & (ATTR_SIZE | ATTR_FORCE)))
        return 0;
    return decide_name(AG_OP_CHOWN, dentry, no_mount(), AG_ATTR);
}

/* A file system that lies on another one (overlayfs) works there with its own credentials: that is no call of ours. */
static __always_inline bool is_on_behalf(void) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    return BPF_CORE_READ(task, cred) != BPF_CORE_READ(task, real_cred) && !in_io_uring();
}

static __always_inline int decide_xattr(struct dentry *dentry) {
    return is_governed() && !is_on_behalf() ? decide_name(AG_OP_CHOWN, dentry, no_mount(), AG_ATTR) : 0;
}

/* Extended attributes: file capabilities among them, and up to 6.1 access control lists. */
DECIDER(inode_setxattr, NOTE_OTHER) {
    return decide_xattr((struct dentry *)(xattr_dentry ? btf_arg(ctx, 1) : btf_arg(ctx, 0)));
}

DECIDER(inode_removexattr, NOTE_OTHER) {
    return decide_xattr((struct dentry *)(xattr_dentry ? btf_arg(ctx, 1) : btf_arg(ctx, 0)));
}

/* Access control lists from 6.2 on. */
DECIDER(inode_set_acl, NOTE_OTHER, void *idmap, struct dentry *dentry) {
    return decide_xattr(dentry);
}

DECIDER(inode_remove_acl, NOTE_OTHER, void *idmap, struct dentry *dentry) {
    return decide_xattr(dentry);
}

/*
 * A file that loses its length. An open with O_TRUNC passes here too, behind file_open, which has asked whether the
 * file may be written.
 */
static __always_inline bool cut_by_open(void) {
    struct pt_regs *regs = current_regs();
    if (!regs)
        return false;
    bool ia32 = ag_is_ia32((struct task_struct *)bpf_get_current_task());
    __u32 key = ag_syscall_nr(regs) + (ia32 ? AG_NR_MAX : 0);
    struct ag_layout *layout = bpf_map_lookup_elem(&layouts, &key);
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

/* `counted`: what counts for a `max` has been asked already. */
static __always_inline int decide_open(struct file *file, __u32 flags, __u32 mode, bool counted) {
    __u32 slot;
    struct scratch *s = verdict_begin(AG_OPEN, &slot);
    if (!s)
        return verdict_busy();
    place(s, slot, BPF_CORE_READ(file, f_path.dentry));
    s->ask.asked = counted;
    if (mode & FMODE_READ)
        ask(slot, AG_OF_FILE, AG_READ, AG_READ, 0);
    if ((mode & FMODE_WRITE) || (flags & O_TRUNC))
        ask(slot, AG_OF_FILE, AG_WRITE, AG_WRITE, 0);
    if (verdict_passes(s))
        return 0;
    s->rec.arg[0] = flags;
    s->rec.arg[1] = mode;
    part_file(s, slot, AG_PART_PATH, 0, file);
    return verdict_end(s);
}

/*
 * What execve opens is asked about in bprm_check_security, where it is known which file is run. From 6.9 on a pidfd is
 * a file that is opened: it has no name, and what it is good for is asked about as a signal and as ptrace.
 */
static __always_inline int ask_of_open(struct file *file) {
    __u32 flags = BPF_CORE_READ(file, f_flags), mode = BPF_CORE_READ(file, f_mode);
    if (flags & FMODE_EXEC_FLAG)
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

/* `bprm`: of the execve that leads to the file; NULL where its code comes in by another way. */
static __always_inline int decide_exec(struct file *file, struct linux_binprm *bprm, __u32 how) {
    __u32 slot;
    struct scratch *s = verdict_begin(AG_EXEC_FAIL, &slot);
    if (!s)
        return verdict_busy();
    if (bprm)
        about_exec(s, slot, bprm);
    s->ask.written = is_written(file);
    place(s, slot, BPF_CORE_READ(file, f_path.dentry));
    ask(slot, AG_OF_EXEC, AG_EXECUTE, AG_EXECUTE, how);
    if (verdict_passes(s))
        return 0;
    if (s->ask.written)
        s->rec.flags |= AG_F_WRITTEN;
    part_file(s, slot, AG_PART_PATH, 0, file);
    return verdict_end(s);
}

static __always_inline int look_behind_interpreter(struct linux_binprm *bprm, struct file *file); /* unasked.bpf.h */

/* Once for each file that an execve leads to: a script first, then what its #! line names. */
DECIDER(bprm_check_security, NOTE_OTHER, struct linux_binprm *bprm) {
    struct file *file = BPF_CORE_READ(bprm, file);
    int answer = copied ? look_behind_interpreter(bprm, file) : 0;
    if (!answer && is_governed())
        answer = decide_exec(file, bprm, 0);
    if (copied && !answer)
        note_program(file);
    return answer;
}

/*
 * Set by the loader: nothing asks about the making of a ring (before 5.16). What cannot be mapped cannot be used, for
 * until 6.5 there is no other way to its memory.
 */
const volatile bool rings_by_map = false;

static __always_inline int decide_ring(void); /* system.bpf.h */

#define RING_NAME 0x6e6972755f6f695bULL /* "[io_urin", of the name that fs/io_uring.c gives to the inode */

static __always_inline bool is_ring(struct file *file) {
    __u64 name = 0;
    if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
        return false;
    bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
    return name == RING_NAME;
}

/* What do_mmap adds for a process of this personality comes behind the hook. */
static __always_inline bool maps_code(unsigned long prot) {
    return (prot & PROT_EXEC) ||
           ((prot & PROT_READ) &&
            (BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), personality) & READ_IMPLIES_EXEC));
}

/*
 * Code that comes in without execve: `ld.so PROGRAM`, an interpreter of the ELF header, a library. Libraries are
 * programs of nobody's list, so here only rules speak, and not the default.
 */
DECIDER(mmap_file, NOTE_OTHER, struct file *file, unsigned long prot) {
    if ((!(prot & (PROT_READ | PROT_EXEC)) && !rings_by_map) || !file || !is_governed())
        return 0;
    if (rings_by_map && is_ring(file))
        return decide_ring();
    return maps_code(prot) ? decide_exec(file, NULL, ASK_RULES_ONLY) : 0;
}

/* The same for memory that was mapped to be read only. `prot` is with what the personality adds, `asked` without. */
DECIDER(file_mprotect, NOTE_OTHER, struct vm_area_struct *vma, unsigned long asked, unsigned long prot) {
    if (!(prot & PROT_EXEC) || !is_governed())
        return 0;
    struct file *file = BPF_CORE_READ(vma, vm_file);
    return file ? decide_exec(file, NULL, ASK_RULES_ONLY) : 0;
}

static __always_inline __u32 protocol_bit(__u32 family, __u32 type, __u32 protocol) {
    switch (family) {
    case AF_UNIX:
        return 1 << (type == SOCK_STREAM ? AG_P_UNIX_STREAM : type == 2 ? AG_P_UNIX_DGRAM : AG_P_UNIX_SEQPACKET);
    case AF_INET:
    case AF_INET6:
        switch (protocol) {
        case IPPROTO_TCP:
            return 1 << AG_P_TCP;
        case IPPROTO_UDP:
            return 1 << AG_P_UDP;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return 1 << (type == 3 ? AG_P_RAW : AG_P_ICMP);
        case IPPROTO_SCTP:
            return 1 << AG_P_SCTP;
        case IPPROTO_DCCP:
            return 1 << AG_P_DCCP;
        case IPPROTO_UDPLITE:
            return 1 << AG_P_UDPLITE;
        case 262: /* IPPROTO_MPTCP */
            return 1 << AG_P_MPTCP;
        }
        return 1 << (type == 3 ? AG_P_RAW : type == SOCK_STREAM ? AG_P_TCP : type == 2 ? AG_P_UDP : AG_P_OTHER);
    case 16:
        return 1 << AG_P_NETLINK;
    case 17:
        return 1 << AG_P_PACKET;
    case 38:
        return 1 << AG_P_ALG;
    case 40:
        return 1 << AG_P_VSOCK;
    case 31:
        return 1 << AG_P_BLUETOOTH;
    case 44:
        return 1 << AG_P_XDP;
    }
    return 1 << AG_P_OTHER;
}

/* What a clause may ask of the socket itself, and what the record says of it. */
static __always_inline void about_socket(struct scratch *s, struct socket *sock) {
    socket_args(s, sock);
    s->ask.protocol = protocol_bit(s->rec.arg[2], s->rec.arg[0], s->rec.arg[1]);
}

static __always_inline bool is_zero(const __u8 *address, int from) {
    __u8 any = 0;
    for (int i = from; i < 16; i++)
        any |= address[i];
    return !any;
}

static __always_inline void put_v4(struct asking *ask, __u32 address, bool leads) {
    if (leads && !address) /* as a destination "any" is the loopback */
        address = bpf_htonl(0x7f000001);
    ask->block.family = 4;
    __builtin_memset(ask->block.address, 0, sizeof(ask->block.address));
    __builtin_memcpy(ask->block.address, &address, sizeof(address));
}

/* The address in s->ask.block is complete: which clauses speak of it. IPv4 in IPv6 clothes is IPv4. */
static __always_inline void find_block(struct scratch *s, bool leads) {
    struct ag_block *b = &s->ask.block;
    if (b->family == 6 && b->address[10] == 0xff && b->address[11] == 0xff) {
        __u64 head = 0;
        __u32 v4;
        __builtin_memcpy(&head, b->address, sizeof(head));
        __builtin_memcpy(&v4, b->address + 12, sizeof(v4));
        if (!head && !b->address[8] && !b->address[9])
            put_v4(&s->ask, v4, leads);
    } else if (b->family == 6 && leads && is_zero(b->address, 0)) {
        b->address[15] = 1;
    }
    struct ag_policy *p = policy_of(s);
    b->half = p ? p->half : 0;
    b->prefix = 8 * AG_BLOCK_BYTES;
    struct ag_list *list = own_entry(&blocks, s->agent, b);
    if (list)
        s->ask.net = *list;
}

/*
 * An address that the kernel has copied from the process. `family`: of the socket, for the kernel takes AF_UNSPEC for
 * IPv4 in a send and a bind. False: there is none in it.
 */
static __always_inline bool about_address(struct scratch *s, const void *address, __u32 len, __u16 own, bool leads) {
    __u16 family = 0, port = 0;
    if (len < sizeof(family))
        return false;
    bpf_probe_read_kernel(&family, sizeof(family), address);
    if (family == AF_UNSPEC && own == AF_INET)
        family = AF_INET;
    if (family == AF_INET && len >= 8) {
        __u32 v4 = 0;
        bpf_probe_read_kernel(&v4, sizeof(v4), address + 4);
        put_v4(&s->ask, v4, leads);
    } else if (family == AF_INET6 && len >= 24) {
        s->ask.block.family = 6;
        bpf_probe_read_kernel(s->ask.block.address, sizeof(s->ask.block.address), address + 8);
    } else {
        return false;
    }
    bpf_probe_read_kernel(&port, sizeof(port), address + 2);
    s->ask.port = bpf_ntohs(port);
    find_block(s, leads);
    return true;
}

static __always_inline void part_kernel_address(struct scratch *s, const void *address, __u32 len) {
    __u32 at = part_begin(s, AG_PART_SOCKADDR, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (len > SOCKADDR_BYTES)
        len = SOCKADDR_BYTES;
    if (bpf_probe_read_kernel(&s->data[off], bounded(len, 2 * SOCKADDR_BYTES - 1), address))
        len = 0;
    part_end(s, at, len);
}

/* One question about an address. Sockets of the unix family are asked about where their peer is known. */
static __always_inline int decide_address(__u16 kind, __u32 bits, struct socket *sock, const void *address, __u32 len,
                                          __u32 msg_flags) {
    __u32 slot;
    struct scratch *s = verdict_begin(kind, &slot);
    if (!s)
        return verdict_busy();
    about_socket(s, sock);
    about_address(s, address, len, kind == AG_CONNECT ? AF_UNSPEC : s->rec.arg[2], kind != AG_BIND);
    ask(slot, AG_OF_NETWORK, bits, bits, 0);
    if (verdict_passes(s))
        return 0;
    s->rec.arg[3] = msg_flags;
    part_kernel_address(s, address, len);
    return verdict_end(s);
}

static __always_inline __u16 family_of(struct socket *sock) {
    return BPF_CORE_READ(sock, sk, __sk_common.skc_family);
}

/* A connect to AF_UNSPEC takes a connection apart and goes nowhere. */
static __always_inline int ask_of_connect(struct socket *sock, void *address, int len) {
    __u16 family = 0;
    if (family_of(sock) == AF_UNIX)
        return 0;
    if (len >= 2)
        bpf_probe_read_kernel(&family, sizeof(family), address);
    return family == AF_UNSPEC ? 0 : decide_address(AG_CONNECT, AG_REACH, sock, address, len, 0);
}

DECIDER(socket_connect, 1u << AG_CONNECT, struct socket *sock, void *address, int len) {
    if (!is_member(current_ids() >> 32))
        return 0;
    int answer = has_policy() ? ask_of_connect(sock, address, len) : 0;
    if (!answer && in_io_uring() && !is_told())
        ring_connects(sock, address, len);
    return answer;
}

DECIDER(socket_bind, 1u << AG_BIND, struct socket *sock, void *address, int len) {
    if (!is_governed() || family_of(sock) == AF_UNIX) /* its name is a file that is made: path_mknod */
        return 0;
    return decide_address(AG_BIND, AG_BIND_TO, sock, address, len, 0);
}

/* A send that names its own destination; by MSG_FASTOPEN it is the connect. */
DECIDER(socket_sendmsg, 1u << AG_SEND, struct socket *sock, struct msghdr *msg) {
    if (!is_governed())
        return 0;
    void *name = BPF_CORE_READ(msg, msg_name);
    __u32 len = BPF_CORE_READ(msg, msg_namelen), flags = BPF_CORE_READ(msg, msg_flags);
    if (!name || !len || family_of(sock) == AF_UNIX || !send_names_peer(sock, flags))
        return 0;
    return decide_address(AG_SEND, flags & MSG_FASTOPEN ? AG_REACH : AG_SEND_TO, sock, name, len, flags);
}

DECIDER(socket_listen, 1u << AG_LISTEN, struct socket *sock) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = verdict_begin(AG_LISTEN, &slot);
    if (!s)
        return verdict_busy();
    about_socket(s, sock);
    struct sock *sk = BPF_CORE_READ(sock, sk);
    if (s->rec.arg[2] == AF_INET) {
        put_v4(&s->ask, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr), false);
        find_block(s, false);
    } else if (s->rec.arg[2] == AF_INET6) {
        s->ask.block.family = 6;
        BPF_CORE_READ_INTO(&s->ask.block.address, sk, __sk_common.skc_v6_rcv_saddr);
        find_block(s, false);
    }
    if (s->rec.arg[2] == AF_INET || s->rec.arg[2] == AF_INET6)
        s->ask.port = BPF_CORE_READ(sk, __sk_common.skc_num);
    ask(slot, AG_OF_NETWORK, AG_LISTEN_ON, AG_LISTEN_ON, 0);
    if (verdict_passes(s))
        return 0;
    part_socket_address(s, sk, false, 0);
    return verdict_end(s);
}

/* The peer that the kernel found, whatever name led to it. One without a name (a pair of sockets) was never looked for.
 */
static __always_inline int decide_unix(struct socket *sock, struct sock *peer) {
    __u32 slot;
    struct unix_address *address = BPF_CORE_READ((struct unix_sock *)peer, addr);
    struct dentry *dentry = BPF_CORE_READ((struct unix_sock *)peer, path.dentry);
    if (!address)
        return 0;
    struct scratch *s = verdict_begin(AG_CONNECT, &slot);
    if (!s)
        return verdict_busy();
    struct ag_policy *p = policy_of(s);
    if (dentry) {
        place(s, slot, dentry);
    } else {
        char *name = (char *)address + bpf_core_field_offset(struct unix_address, name) + 3;
        s->ask.fixed = s->ask.known = p ? p->abstract : 0;
        s->ask.floating = 0;
        step_over(slot, (__u64)name, BPF_CORE_READ(address, len) - 3);
    }
    about_socket(s, sock);
    ask(slot, AG_OF_NETWORK, AG_REACH_UNIX, AG_REACH_UNIX, 0);
    if (verdict_passes(s))
        return 0;
    part_socket_address(s, peer, false, 0);
    if (dentry)
        part_path(s, slot, AG_PART_PATH, 0, dentry, BPF_CORE_READ((struct unix_sock *)peer, path.mnt));
    return verdict_end(s);
}

DECIDER(unix_stream_connect, NOTE_UNIX, struct sock *sk, struct sock *peer) {
    return is_governed() ? decide_unix(BPF_CORE_READ(sk, sk_socket), peer) : 0;
}

DECIDER(unix_may_send, NOTE_UNIX, struct socket *sock, struct socket *peer) {
    return is_governed() ? decide_unix(sock, BPF_CORE_READ(peer, sk)) : 0;
}

#endif
