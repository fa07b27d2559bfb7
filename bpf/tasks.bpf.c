// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every process that runs, with its parent and its start to the nanosecond, as the other programs have it in
 * task->start_boottime: with the pid it is the identity of a process. /proc knows it to 10 ms only, and takes a hundred
 * times as long to be asked.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "include/tasks.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task_struct {
    int pid, tgid;
    struct task_struct *real_parent;
    __u64 start_boottime;
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};
#pragma clang attribute pop

SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx) {
    struct task_struct *task = ctx->task;
    if (!task || task->pid != task->tgid) /* the last call has none; and one row a process, not a thread */
        return 0;
    struct ag_task row = {.start = task->start_boottime, .pid = task->tgid, .ppid = task->real_parent->tgid};
    bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
