/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is asked about the machine itself: the calls that are recorded as mount, privilege_change, ptrace, signal and
 * kernel_tamper. There is no default for them, so only a rule that names the event decides, and who acts.
 *
 * Each call is asked about once, at the hook that it must pass. `capable` is the one of those that have none of their
 * own: they all need a capability, and which of them it is says the call's number.
 */
#ifndef AGENTGOV_SYSTEM_H
#define AGENTGOV_SYSTEM_H

#define PTRACE_MODE_ATTACH 2 /* include/linux/ptrace.h; reading /proc/PID/status and its like is less */

/* uapi/linux/capability.h */
#define CAP_SETGID 6
#define CAP_SYS_MODULE 16
#define CAP_SYS_RAWIO 17
#define CAP_SYS_ADMIN 21
#define CAP_SYS_BOOT 22

/* Set by the loader: no task_fix_setgroups (before 6.0). In mode audit setgid is told twice there. */
const volatile bool groups_by_capability = false;

/* The call behind the question, if it is one of this kind: its number, values and names, as its result will tell them.
 */
static __always_inline void about_call(struct scratch *s, __u32 slot) {
    struct pt_regs *regs = current_regs();
    struct call call = {};
    if (!regs || !call_read(regs, &call) || call.layout->kind != s->rec.kind)
        return;
    const struct ag_layout *l = call.layout;
    s->rec.nr = call.nr;
    if (call.ia32)
        s->rec.flags |= AG_F_IA32;
    call_values(s, &call);
    if (l->path[0] != AG_NO_ARG)
        part_asked(s, slot, 0, call_arg(&call, l->path[0]), call_dir(&call, l->dir[0]));
    if (l->path[1] != AG_NO_ARG)
        part_asked(s, slot, AG_PART_SECOND, call_arg(&call, l->path[1]), call_dir(&call, l->dir[1]));
}

/* `what` and `target`: the first two values where the hook knows them better than the call's arguments; else 0. */
static __always_inline int decide_call(__u16 kind, __u32 bits, __u64 what, __u32 target) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = verdict_begin(kind, AG_CLASS_SECURITY, &slot);
    if (!s)
        return verdict_busy();
    ask(slot, AG_OF_SYSTEM, bits, bits, 0);
    if (verdict_passes(s))
        return 0;
    about_call(s, slot);
    if (what)
        s->rec.arg[0] = what;
    if (target)
        s->rec.arg[1] = target;
    return verdict_end(s);
}

#define ASKS_AT(hook, kind, bit)                                                                                       \
    SEC("?lsm/" #hook)                                                                                                 \
    int gov_##hook(void *ctx) {                                                                                        \
        return decide_call(kind, bit, 0, 0);                                                                           \
    }

ASKS_AT(sb_mount, AG_MOUNT, AG_DO_MOUNT)
ASKS_AT(move_mount, AG_MOUNT, AG_DO_MOUNT)
ASKS_AT(sb_umount, AG_MOUNT, AG_DO_MOUNT)
ASKS_AT(sb_pivotroot, AG_MOUNT, AG_DO_MOUNT)
ASKS_AT(path_chroot, AG_MOUNT, AG_DO_MOUNT)

ASKS_AT(task_fix_setuid, AG_PRIV, AG_DO_PRIVILEGE)
ASKS_AT(task_fix_setgid, AG_PRIV, AG_DO_PRIVILEGE)
ASKS_AT(task_fix_setgroups, AG_PRIV, AG_DO_PRIVILEGE) /* from 6.0; before that, capable */
ASKS_AT(capset, AG_PRIV, AG_DO_PRIVILEGE)
ASKS_AT(userns_create, AG_PRIV, AG_DO_PRIVILEGE) /* from 6.1 */

ASKS_AT(bpf, AG_TAMPER, AG_DO_TAMPER)
ASKS_AT(perf_event_open, AG_TAMPER, AG_DO_TAMPER)

/* Namespaces, and groups before 6.0; modules, another kernel, the ports of devices. */
DECIDER(capable, const struct cred *cred, void *ns, int cap) {
    bool tampers = cap == CAP_SYS_MODULE || cap == CAP_SYS_RAWIO || cap == CAP_SYS_BOOT;
    bool changes = cap == CAP_SYS_ADMIN || (groups_by_capability && cap == CAP_SETGID);
    if ((!tampers && !changes) || !is_governed())
        return 0;
    struct pt_regs *regs = current_regs();
    struct call call = {};
    if (!regs || !call_read(regs, &call))
        return 0;
    __u16 kind = tampers ? AG_TAMPER : AG_PRIV;
    if (call.layout->kind != kind)
        return 0;
    return decide_call(kind, tampers ? AG_DO_TAMPER : AG_DO_PRIVILEGE, 0, 0);
}

/* ptrace, process_vm_readv and _writev, pidfd_getfd, /proc/PID/mem. One's own memory is never asked about. */
DECIDER(ptrace_access_check, struct task_struct *child, unsigned int mode) {
    return mode & PTRACE_MODE_ATTACH ? decide_call(AG_PTRACE, AG_DO_PTRACE, 0, tgid_of(child)) : 0;
}

DECIDER(ptrace_traceme, struct task_struct *parent) {
    return decide_call(AG_PTRACE, AG_DO_PTRACE, 0, tgid_of(parent));
}

/* As for the record (signals.bpf.h): what a process sends out of the tree. Signal 0 only asks whether somebody is
 * there. */
DECIDER(task_kill, struct task_struct *to, struct kernel_siginfo *info, int sig) {
    if (!sig || !is_sent(info) || !is_governed())
        return 0;
    __u32 target = tgid_of(to);
    return is_member(target) ? 0 : decide_call(AG_SIGNAL, AG_DO_SIGNAL, sig, target);
}

#endif
