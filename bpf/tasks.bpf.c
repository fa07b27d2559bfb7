// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every process that runs, with its parent and its start to the nanosecond, as the other programs have it in
 * task->start_boottime: with the pid it is the identity of a process. /proc knows it to 10 ms only, and takes a hundred
 * times as long to be asked.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "include/kernel.h"
#include "include/tasks.h"
#include "pids.bpf.h"

SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx) {
    struct task_struct *task = ctx->task;
    if (!task || task->pid != task->tgid) /* the last call has none; and one row a process, not a thread */
        return 0;
    struct ag_task row = {
        .start = task->start_boottime, .pid = tgid_of(task), .ppid = tgid_of(BPF_CORE_READ(task, real_parent))};
    bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
    return 0;
}

/* The PID namespace of whoever reads, found by find_own. */
volatile __u64 reader_pidns = 0;
volatile __u32 reader_level = 0;

SEC("iter/task")
int find_own(struct bpf_iter__task *ctx) {
    struct pid *pid = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), thread_pid);
    __u32 level = BPF_CORE_READ(pid, level) & 31;
    struct pid_namespace *ns = NULL;
    bpf_probe_read_kernel(&ns, sizeof(ns),
                          (char *)pid + bpf_core_field_offset(struct pid, numbers) +
                              level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, ns));
    reader_pidns = (__u64)ns;
    reader_level = level;
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
