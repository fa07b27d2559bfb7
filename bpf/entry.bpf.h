/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the programs on tracepoints come to their arguments: in one of two ways, which the loader chooses.
 *
 * As tp_btf programs they get the kernel's own. But a kernel that may preempt them (from 7.0 on) skips such a program
 * for everybody else on that CPU until the one that was preempted goes on (prog->active, __bpf_trace_run() in
 * kernel/trace/bpf_trace.c): a hole as long as a time slice, through which a fork leaves the tree.
 *
 * There they are programs of the tracepoint's perf event, which runs with preemption off (perf_trace_*() in
 * include/trace/perf.h). They get the fields of the event, and find the rest from the current task.
 */
#ifndef AGENTGOV_ENTRY_H
#define AGENTGOV_ENTRY_H

#include "include/arch.h"

const volatile bool by_perf = false;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct trace_event_raw_sys_exit {
    long id, ret;
};

struct trace_event_raw_task_newtask {
    int pid;
    unsigned long clone_flags;
};

struct trace_event_raw_sched_prepare_exec {
    __u32 __data_loc_interp;
};

struct trace_event_raw_sched_process_exec {
    __u32 __data_loc_filename;
    int old_pid;
};
#pragma clang attribute pop

/*
 * Argument `n` of a tp_btf program. Written as C, the compiler would make one load of it and of the event's field, from
 * an address that it chooses before, and no verifier takes a context whose address was computed.
 */
static __always_inline __u64 btf_arg(void *ctx, const int n) {
    __u64 arg;
    asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(arg) : "r"(ctx), "i"(n * 8));
    return arg;
}

/* A string of an event: its offset is in the lower half of the field, its length in the upper one. */
static __always_inline const char *data_loc(void *ctx, __u32 field) {
    return (const char *)ctx + (field & 0xffff);
}

/* The saved registers of the current thread's system call. */
static __always_inline struct pt_regs *current_regs(void) {
    if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
        return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
#if defined(__TARGET_ARCH_x86)
    /* 5.10: at the top of a stack of 16 KB, with no padding above. */
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    return (struct pt_regs *)((char *)BPF_CORE_READ(task, stack) + 16384 - bpf_core_type_size(struct pt_regs));
#else
    return NULL;
#endif
}

static __always_inline struct pt_regs *sys_exit_regs(void *ctx) {
    return by_perf ? current_regs() : (struct pt_regs *)btf_arg(ctx, 0);
}

static __always_inline long sys_exit_result(void *ctx) {
    return by_perf ? ((struct trace_event_raw_sys_exit *)ctx)->ret : (long)btf_arg(ctx, 1);
}

static __always_inline unsigned long newtask_flags(void *ctx) {
    return by_perf ? ((struct trace_event_raw_task_newtask *)ctx)->clone_flags : btf_arg(ctx, 1);
}

#define CLONE_PARENT 0x8000
#define NEWEST_CHILDREN 16 /* others of the process may have added theirs behind it */

/* The new process: by its pid from the young end of its parent's list, where copy_process() has just put it. */
static __always_inline struct task_struct *newtask_child(void *ctx) {
    if (!by_perf)
        return (struct task_struct *)btf_arg(ctx, 0);
    struct trace_event_raw_task_newtask *event = ctx;
    int pid = event->pid;
    struct task_struct *parent = (struct task_struct *)bpf_get_current_task();
    if (event->clone_flags & CLONE_PARENT)
        parent = BPF_CORE_READ(parent, real_parent);
    struct list_head *node = BPF_CORE_READ(parent, children.prev);
    for (int i = 0; i < NEWEST_CHILDREN; i++) {
        struct task_struct *child = (void *)((char *)node - bpf_core_field_offset(struct task_struct, sibling));
        if (BPF_CORE_READ(child, pid) == pid)
            return child;
        node = BPF_CORE_READ(node, prev);
    }
    return NULL;
}

/* The number of the new process. The event has the machine's own, so there the child need not have been found. */
static __always_inline __u32 newtask_pid(void *ctx, struct task_struct *child) {
    return by_perf && !own_pidns ? ((struct trace_event_raw_task_newtask *)ctx)->pid : tgid_of(child);
}

#endif
