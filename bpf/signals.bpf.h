/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Signals that leave the tree. signal_generate has the target as the kernel found it (whatever pid namespace or group
 * the number came from), one call for each process of a group; what was refused is told by the system call itself.
 */
#ifndef AGENTGOV_SIGNALS_H
#define AGENTGOV_SIGNALS_H

/*
 * Whether a process sends it. 1 is SEND_SIG_PRIV, the kernel itself. 0 is SEND_SIG_NOINFO, which stands for the calling
 * process: 7.x passes it for kill(), where older kernels fill in SI_USER. What a process sends has a code <= 0, SIGCHLD
 * and its like not.
 */
static __always_inline bool is_sent(struct kernel_siginfo *info) {
    return (__u64)info != 1 && (!info || BPF_CORE_READ(info, si_code) <= 0);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_generate, int sig, struct kernel_siginfo *info, struct task_struct *target, int group, int result) {
    __u32 tgid = current_ids() >> 32;
    if (!is_member(tgid) || !is_sent(info))
        return 0;
    __u32 to = tgid_of(target);
    if (is_kin(to))
        return 0;
    __u32 slot;
    struct scratch *s = record_begin(AG_SIGNAL, AG_CLASS_SECURITY, &slot);
    if (!s)
        return 0;
    s->rec.arg[0] = sig;
    s->rec.arg[1] = to;
    record_send_folded(s, slot, true);
    scratch_release(s);
    return 0;
}

#endif
