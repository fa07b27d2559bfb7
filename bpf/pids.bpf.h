/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers of processes, as agentgov's own PID namespace has them. On the machine itself those are the kernel's. In a
 * namespace of its own (a container) they are the ones that /proc, kill(2) and SO_PEERCRED give the loader too, so that
 * nobody has to translate; who is not in that namespace, nor below it, has the number 0, which is nobody's.
 */
#ifndef AGENTGOV_PIDS_H
#define AGENTGOV_PIDS_H

#include "include/events.h"

/* Set by the loader before load (bpf/loader/pidns.c), so on the machine itself the other branch is not even there. */
const volatile __u64 own_pidns = 0; /* struct pid_namespace */
const volatile __u32 own_pidns_level = 0;

/* The number of a task in the namespace `ns`, which is on `level`. */
static __always_inline __u32 number_in(struct task_struct *task, __u64 ns, __u32 level) {
    struct pid *pid = BPF_CORE_READ(task, thread_pid);
    if (BPF_CORE_READ(pid, level) < level)
        return 0;
    char *at = (char *)pid + bpf_core_field_offset(struct pid, numbers) + level * bpf_core_type_size(struct upid);
    __u64 of = 0;
    int nr = 0;
    bpf_probe_read_kernel(&of, sizeof(of), at + bpf_core_field_offset(struct upid, ns));
    bpf_probe_read_kernel(&nr, sizeof(nr), at + bpf_core_field_offset(struct upid, nr));
    return of == ns ? nr : 0;
}

static __always_inline __u32 pid_of(struct task_struct *task) {
    return own_pidns ? number_in(task, own_pidns, own_pidns_level) : BPF_CORE_READ(task, pid);
}

static __always_inline __u32 tgid_of(struct task_struct *task) {
    if (!own_pidns)
        return BPF_CORE_READ(task, tgid);
    return number_in(BPF_CORE_READ(task, group_leader), own_pidns, own_pidns_level);
}

/* The process that a task is of. */
static __always_inline struct ag_id id_of(struct task_struct *task) {
    struct task_struct *leader = BPF_CORE_READ(task, group_leader);
    return (struct ag_id){.start = BPF_CORE_READ(leader, start_boottime), .pid = tgid_of(leader)};
}

/* tgid << 32 | pid of whoever runs, as bpf_get_current_pid_tgid() has it for the machine. */
static __always_inline __u64 current_ids(void) {
    if (!own_pidns)
        return bpf_get_current_pid_tgid();
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    return (__u64)tgid_of(task) << 32 | pid_of(task);
}

#endif
