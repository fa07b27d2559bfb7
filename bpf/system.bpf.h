/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is asked about the machine itself: the calls that are recorded as mount, privilege_change, ptrace, signal,
 * io_uring_setup and kernel_tamper. There is no default for them, so only a rule that names the event decides, and who
 * acts.
 *
 * Each call is asked about once, at the hook that it must pass. `capable` is the one of those that have none of their
 * own: they all need a capability, and which of them it is says the call's number.
 */
#ifndef AGENTGOV_SYSTEM_H
#define AGENTGOV_SYSTEM_H

/* include/linux/ptrace.h */
#define PTRACE_MODE_ATTACH 2  /* following /proc/PID/fd and its like is less */
#define PTRACE_MODE_NOAUDIT 4 /* only what /proc/PID/stat shows depends on it */

/* uapi/linux/mount.h */
#define MS_REMOUNT 32
#define MS_BIND 4096
#define MS_PROPAGATION (1 << 17 | 1 << 18 | 1 << 19 | 1 << 20)

/* uapi/linux/capability.h */
#define CAP_SETGID 6
#define CAP_SYS_MODULE 16
#define CAP_SYS_RAWIO 17
#define CAP_SYS_ADMIN 21
#define CAP_SYS_BOOT 22

/* uapi/linux/prctl.h */
#define PR_SET_MM 35
#define PR_SET_MM_EXE_FILE 13
#define PR_SET_MM_MAP 14

/* Set by the loader: what leaves a prctl to the kernel, -ENOSYS as a module and 0 in front of the modules. */
const volatile int prctl_passes = 0;

/* The same of a parameter of a file system: -ENOPARAM. */
const volatile int parameter_passes = 0;

/* Set by the loader: no task_fix_setgroups (before 6.0). In mode audit setgid is told twice there. */
const volatile bool groups_by_capability = false;

/* The call that the current process is in. False when it is none of this kind. */
static __always_inline bool current_call(struct call *call, __u16 kind) {
    struct pt_regs *regs = current_regs();
    return regs && call_read(regs, call) && call->layout->kind == kind;
}

/* The call behind the question, if it is one of this kind: its number, values and names, as its result will tell them.
 */
static __always_inline void about_call(struct scratch *s, __u32 slot) {
    struct call call = {};
    if (!current_call(&call, s->rec.kind))
        return;
    const struct ag_layout *l = call.layout;
    s->rec.nr = call.nr;
    if (call.ia32)
        s->rec.flags |= AG_F_IA32;
    call_values(s, &call);
    if (l->path[0] != AG_NO_ARG)
        part_asked(slot, 0, call_arg(&call, l->path[0]), call_dir(&call, l->dir[0]));
    if (l->path[1] != AG_NO_ARG)
        part_asked(slot, AG_PART_SECOND, call_arg(&call, l->path[1]), call_dir(&call, l->dir[1]));
}

/*
 * `what` and `target`: the first two values where the hook knows them better than the call's arguments; else 0.
 * `own`: the rule of self-protection that forbids it, whatever the clauses say (enum ag_own).
 */
static __always_inline int decide_call(__u16 kind, __u32 bits, __u64 what, __u32 target, enum ag_own own) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = verdict_begin(kind, &slot);
    if (!s)
        return verdict_busy();
    ask(slot, AG_OF_SYSTEM, bits, bits, 0);
    add_own(s, own);
    if (verdict_passes(s))
        return 0;
    about_call(s, slot);
    if (what)
        s->rec.arg[0] = what;
    if (target)
        s->rec.arg[1] = target;
    return verdict_end(s);
}

static __always_inline int decide_ring(void) {
    return decide_call(AG_URING, AG_DO_URING, 0, 0, AG_OWN_NONE);
}

#define ASKS_AT(hook, kind, bit)                                                                                       \
    DECIDER(hook, NOTE_OTHER) {                                                                                        \
        return decide_call(kind, bit, 0, 0, AG_OWN_NONE);                                                              \
    }

/*
 * What is mounted here, or no longer, agentgov finds so too: it is in its own mount namespace, or in one that hands its
 * mounts on. In others a container may be built.
 */
static __always_inline bool reaches_us(const struct ag_policy *p, const struct mount *m) {
    return BPF_CORE_READ(m, mnt_group_id) || BPF_CORE_READ(m, mnt_ns, ns.inum) == p->mount_ns;
}

static __always_inline struct mount *mount_of(struct vfsmount *mnt) {
    return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/*
 * Only rules of self-protection name folders here: those whose files a mount at this place would hide or take away. All
 * are below the root folder, which no list is kept for.
 */
static __always_inline void ask_cover(struct scratch *s, __u32 slot, struct dentry *dentry, struct vfsmount *mnt) {
    struct ag_policy *p = policy_of(s);
    struct mount *m = mount_of(mnt);
    if (!p || !reaches_us(p, m))
        return;
    if ((__u32)BPF_CORE_READ(m, mnt_id) == p->root_mount && dentry == BPF_CORE_READ(mnt, mnt_root))
        add_own(s, AG_OWN_PROCESS);
    place(s, slot, dentry);
    ask(slot, AG_OF_SYSTEM, AG_DO_MOUNT, AG_DO_MOUNT, ASK_RULES_ONLY);
    ask(slot, AG_OF_SYSTEM, AG_DO_MOUNT, AG_DO_MOUNT, ASK_BELOW);
}

static __always_inline struct scratch *mount_begin(__u32 *slot) {
    struct scratch *s = verdict_begin(AG_MOUNT, slot);
    if (s)
        ask(*slot, AG_OF_SYSTEM, AG_DO_MOUNT, AG_DO_MOUNT, 0);
    return s;
}

static __always_inline int mount_end(struct scratch *s, __u32 slot) {
    if (verdict_passes(s))
        return 0;
    about_call(s, slot);
    return verdict_end(s);
}

/* How mounts are handed on hides nothing. */
DECIDER(sb_mount, NOTE_OTHER, const char *dev_name, const struct path *path, const char *type, unsigned long flags) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = mount_begin(&slot);
    if (!s)
        return verdict_busy();
    if ((flags & (MS_REMOUNT | MS_BIND)) || !(flags & MS_PROPAGATION))
        ask_cover(s, slot, BPF_CORE_READ(path, dentry), BPF_CORE_READ(path, mnt));
    return mount_end(s, slot);
}

DECIDER(move_mount, NOTE_OTHER, const struct path *from, const struct path *to) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = mount_begin(&slot);
    if (!s)
        return verdict_busy();
    ask_cover(s, slot, BPF_CORE_READ(from, dentry), BPF_CORE_READ(from, mnt));
    ask_cover(s, slot, BPF_CORE_READ(to, dentry), BPF_CORE_READ(to, mnt));
    return mount_end(s, slot);
}

DECIDER(sb_umount, NOTE_OTHER, struct vfsmount *mnt) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = mount_begin(&slot);
    if (!s)
        return verdict_busy();
    ask_cover(s, slot, BPF_CORE_READ(mnt, mnt_root), mnt);
    return mount_end(s, slot);
}

/* The old root goes away for all that have it. */
DECIDER(sb_pivotroot, NOTE_OTHER, const struct path *old_path, const struct path *new_path) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = mount_begin(&slot);
    if (!s)
        return verdict_busy();
    struct ag_policy *p = policy_of(s);
    if (p && reaches_us(p, mount_of(BPF_CORE_READ(new_path, mnt))))
        add_own(s, AG_OWN_PROCESS);
    return mount_end(s, slot);
}

ASKS_AT(path_chroot, AG_MOUNT, AG_DO_MOUNT)

ASKS_AT(task_fix_setuid, AG_PRIV, AG_DO_PRIVILEGE)
ASKS_AT(task_fix_setgid, AG_PRIV, AG_DO_PRIVILEGE)
ASKS_AT(task_fix_setgroups, AG_PRIV, AG_DO_PRIVILEGE) /* from 6.0; before that, capable */
ASKS_AT(capset, AG_PRIV, AG_DO_PRIVILEGE)
ASKS_AT(userns_create, AG_PRIV, AG_DO_PRIVILEGE) /* from 6.1 */

ASKS_AT(perf_event_open, AG_TAMPER, AG_DO_TAMPER)

static __always_inline int decide_tampering(void) {
    return decide_call(AG_TAMPER, AG_DO_TAMPER, 0, 0, AG_OWN_KERNEL);
}

/* By a number from BPF_MAP_GET_FD_BY_ID root could write in the tables of this very policy. */
DECIDER(bpf, NOTE_OTHER) {
    return decide_tampering();
}

/*
 * Memory of the machine: /dev/mem, /proc/kcore, a processor's registers, whichever node of such a device it is. All
 * need this capability when they are opened.
 */
static __always_inline bool opens_memory(int cap) {
    if (cap != CAP_SYS_RAWIO)
        return false;
    const struct ag_layout *layout = current_layout();
    return in_io_uring() || (layout && layout->kind == AG_OPEN);
}

/* Namespaces, and groups before 6.0; modules, another kernel, the ports of devices. */
DECIDER(capable, NOTE_OTHER, const struct cred *cred, void *ns, int cap) {
    bool tampers = cap == CAP_SYS_MODULE || cap == CAP_SYS_RAWIO || cap == CAP_SYS_BOOT;
    bool changes = cap == CAP_SYS_ADMIN || (groups_by_capability && cap == CAP_SETGID);
    if ((!tampers && !changes) || !is_governed())
        return 0;
    if (opens_memory(cap))
        return decide_tampering();
    struct call call = {};
    __u16 kind = tampers ? AG_TAMPER : AG_PRIV;
    if (!current_call(&call, kind))
        return 0;
    return tampers ? decide_tampering() : decide_call(kind, AG_DO_PRIVILEGE, 0, 0, AG_OWN_NONE);
}

/* A ring's file is an anonymous inode that is asked about from 5.16. */
DECIDER(inode_init_security_anon, NOTE_OTHER) {
    struct call call = {};
    return is_governed() && current_call(&call, AG_URING) ? decide_ring() : 0;
}

#define RELEASE_AGENT "release_agent"

/* A cgroup hierarchy of version 1 that is mounted with a program, which the kernel runs outside the tree. */
DECIDER(fs_context_parse_param, NOTE_OTHER, void *fc, struct fs_parameter *parameter) {
    char key[sizeof(RELEASE_AGENT)] = {};
    if (!is_governed())
        return parameter_passes;
    bpf_probe_read_kernel_str(key, sizeof(key), BPF_CORE_READ(parameter, key));
    for (__u32 i = 0; i < sizeof(key); i++)
        if (key[i] != RELEASE_AGENT[i])
            return parameter_passes;
    int answer = decide_call(AG_TAMPER, 0, 0, 0, AG_OWN_KERNEL);
    return answer ? answer : parameter_passes;
}

/*
 * Which program a process says that it runs is what rules with `exe` go by. Root may say another one, and anybody in a
 * user namespace of his own (kernel/sys.c, prctl_set_mm).
 */
DECIDER(task_prctl, NOTE_OTHER, int option, unsigned long what) {
    if (option != PR_SET_MM || (what != PR_SET_MM_EXE_FILE && what != PR_SET_MM_MAP))
        return prctl_passes;
    int answer = decide_call(AG_TAMPER, 0, 0, 0, AG_OWN_KERNEL);
    return answer ? answer : prctl_passes;
}

/*
 * ptrace, process_vm_readv and _writev, pidfd_getfd, /proc/PID/mem. One's own memory is never asked about. Of
 * agentgov's processes, whichever agent they serve, also what only reads: /proc/PID/fd leads to the pipes by which they
 * speak with each other.
 */
DECIDER(ptrace_access_check, NOTE_OTHER, struct task_struct *child, unsigned int mode) {
    if ((mode & PTRACE_MODE_NOAUDIT) || !is_governed())
        return 0;
    __u32 target = tgid_of(child), bits = mode & PTRACE_MODE_ATTACH ? AG_DO_PTRACE : 0;
    enum ag_own own = AG_OWN_NONE;
    if (!is_kin(target))
        own = is_guard(child) ? AG_OWN_PROCESS : bits ? AG_OWN_OUTSIDE : AG_OWN_NONE;
    return bits || own ? decide_call(AG_PTRACE, bits, 0, target, own) : 0;
}

DECIDER(ptrace_traceme, NOTE_OTHER, struct task_struct *parent) {
    return decide_call(AG_PTRACE, AG_DO_PTRACE, 0, tgid_of(parent), AG_OWN_NONE);
}

/* As for the record (signals.bpf.h): what a process sends out of the tree. Signal 0 only asks whether somebody is
 * there. */
DECIDER(task_kill, 1u << AG_SIGNAL, struct task_struct *to, struct kernel_siginfo *info, int sig) {
    if (!sig || !is_sent(info) || !is_governed())
        return 0;
    __u32 target = tgid_of(to);
    if (is_kin(target))
        return 0;
    return decide_call(AG_SIGNAL, AG_DO_SIGNAL, sig, target, is_guard(to) ? AG_OWN_PROCESS : AG_OWN_NONE);
}

#endif
