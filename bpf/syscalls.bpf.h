/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls with their results. One program on sys_exit asks for membership and jumps to the handler of the call;
 * the arguments are still in the saved registers then, and what the process had in memory has just been read by the
 * kernel itself. (At sys_enter some names are not readable yet: their page was never touched.)
 */
#ifndef AGENTGOV_SYSCALLS_H
#define AGENTGOV_SYSCALLS_H

#include "include/layout.h"

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, AG_NR_MAX);
    __type(key, __u32);
    __type(value, __u32);
} by_nr SEC(".maps"), by_nr_ia32 SEC(".maps");

/* [0, AG_NR_MAX) the native table, behind it the 32-bit one. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2 * AG_NR_MAX);
    __type(key, __u32);
    __type(value, struct ag_layout);
} layouts SEC(".maps");

struct call {
    struct pt_regs *regs;
    const struct ag_layout *layout;
    long ret;
    __u32 nr;
    bool ia32;
};

static __always_inline bool call_read(struct pt_regs *regs, struct call *call) {
    call->ia32 = ag_is_ia32((struct task_struct *)bpf_get_current_task());
    call->nr = ag_syscall_nr(regs);
    __u32 key = call->nr + (call->ia32 ? AG_NR_MAX : 0);
    call->layout = bpf_map_lookup_elem(&layouts, &key);
    if (!call->layout)
        return false;
    /* Read, because a function of its own takes a number and no pointer. */
    bpf_probe_read_kernel(&call->regs, sizeof(call->regs), &regs);
    return true;
}

/* A function of its own, as hash_step() is. */
__attribute__((noinline)) __u64 saved_arg(__u64 regs, __u32 ia32, __s32 index) {
    return ag_syscall_arg((struct pt_regs *)regs, ia32, index);
}

/* Each read costs as much as the rest of a short handler: only what the layout names is fetched. */
static __always_inline __u64 call_arg(const struct call *call, __s8 index) {
    return saved_arg((__u64)call->regs, call->ia32, index);
}

static __always_inline __s32 call_dir(const struct call *call, __s8 index) {
    return index == AG_DIR_CWD ? -100 : (__s32)call_arg(call, index);
}

/* A result that is no result: the call will be run again, or was taken back for a signal handler. */
static __always_inline bool is_restart(long ret) {
    return ret <= -512 && ret >= -516;
}

/* Reads the call behind a result; false when there is nothing to tell. */
static __always_inline bool call_wanted(struct call *call, void *ctx) {
    call->ret = sys_exit_result(ctx);
    if (is_restart(call->ret) || !call_read(sys_exit_regs(ctx), call))
        return false;
    return call->ret < 0 || !(call->layout->flags & AG_L_ONLY_FAILED);
}

/* Starts the record of a call that has been read. */
static __always_inline struct scratch *call_record(const struct call *call, __u32 *slot) {
    struct scratch *s = record_begin(call->layout->kind, call->layout->cls, slot);
    if (!s)
        return NULL;
    s->rec.nr = call->nr;
    s->rec.ret = call->ret;
    if (call->ia32)
        s->rec.flags |= AG_F_IA32;
    return s;
}

/* Both; NULL when there is nothing to tell, or no place to do it. */
static __always_inline struct scratch *call_begin(struct call *call, void *ctx, __u32 *slot) {
    return call_wanted(call, ctx) ? call_record(call, slot) : NULL;
}

/* The values that the layout names, in their order. */
static __always_inline void call_values(struct scratch *s, const struct call *call) {
#pragma unroll
    for (int i = 0; i < 3; i++)
        s->rec.arg[i] = call_arg(call, call->layout->value[i]);
}

static __always_inline void call_send(struct scratch *s, __u32 slot, const struct call *call, bool folds) {
    if (folds)
        record_send_folded(s, slot, call->layout->flags & AG_L_CRITICAL);
    else
        record_send(s, call->layout->flags & AG_L_CRITICAL);
    scratch_release(s);
}

/* In tls_sockets.bpf.h and plain.bpf.h, behind what they need. */
static __always_inline void tls_moved(struct pt_regs *regs, const struct ag_layout *layout, long ret);
static __always_inline bool plain_concerns(struct pt_regs *regs, const struct ag_layout *layout, long ret);
static __always_inline void plain_call(void *ctx);

/* In unasked.bpf.h. */
static __always_inline void look_behind(void *ctx);

/* Of a 64-bit process: plaintext of others is not captured. */
static __always_inline void moved(void *ctx, __u32 nr) {
    struct pt_regs *regs = sys_exit_regs(ctx);
    long ret = sys_exit_result(ctx);
    struct ag_layout *layout = bpf_map_lookup_elem(&layouts, &nr);
    if (!layout || !layout->moves || ret <= 0)
        return;
    tls_moved(regs, layout, ret);
    if (plain_concerns(regs, layout, ret))
        plain_call(ctx);
}

SEC("tp/raw_syscalls/sys_exit")
int sys_exit(void *ctx) {
    if (!is_member(current_ids() >> 32))
        return 0;
    if (copied)
        look_behind(ctx);
    __u32 nr = ag_syscall_nr(sys_exit_regs(ctx));
    if (ag_is_ia32((struct task_struct *)bpf_get_current_task())) {
        bpf_tail_call(ctx, &by_nr_ia32, nr);
        return 0;
    }
    if (tls_on)
        moved(ctx, nr);
    bpf_tail_call(ctx, &by_nr, nr);
    return 0; /* a call that no handler wants */
}

#endif
