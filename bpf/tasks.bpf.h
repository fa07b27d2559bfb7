/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Run by the loader while it attaches to a running tree: who is there. */
#ifndef AGENTGOV_TASKS_BPF_H
#define AGENTGOV_TASKS_BPF_H

/* Has the last thread of the process passed its end (do_exit)? The exit program has then run, or is about to. */
static __always_inline bool is_over(struct task_struct *leader) {
    return BPF_CORE_READ(leader, signal, live.counter) == 0;
}

/*
 * Every process that runs, with its parent and its start to the nanosecond, which with the pid is its identity. The
 * member byte is that of its number; it is this process's own when the process is not over after the byte was read.
 */
SEC("iter/task")
int list_tasks(struct bpf_iter__task *ctx) {
    struct task_struct *task = ctx->task;
    if (!task || task->pid != task->tgid) /* the last call has none; and one row a process, not a thread */
        return 0;
    struct ag_task row = {.id = id_of(task), .parent = id_of(BPF_CORE_READ(task, real_parent))};
    row.agent = agent_of(row.id.pid);
    row.over = is_over(task);
    bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
    return 0;
}

#endif
