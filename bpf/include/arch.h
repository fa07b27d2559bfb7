/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only place that knows a processor: where a system call keeps its number and its arguments. At sys_exit the
 * arguments are still in the saved registers; the first one would be overwritten by the result on arm64, which keeps
 * a copy of it.
 */
#ifndef AGENTGOV_ARCH_H
#define AGENTGOV_ARCH_H

#include "kernel.h"

struct ag_args {
    __u64 a[6];
};

#if defined(__TARGET_ARCH_x86)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
    unsigned long bp, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};
#pragma clang attribute pop

#define AG_TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h: the current system call is a 32-bit one */
#define AG_X32_BIT 0x40000000

static __always_inline bool ag_is_ia32(struct task_struct *task) {
    return BPF_CORE_READ(task, thread_info.status) & AG_TS_COMPAT;
}

static __always_inline __u32 ag_syscall_nr(struct pt_regs *regs) {
    return (__u32)BPF_CORE_READ(regs, orig_ax) & ~AG_X32_BIT;
}

static __always_inline void ag_syscall_args(struct pt_regs *regs, bool ia32, struct ag_args *out) {
    if (ia32) {
        out->a[0] = (__u32)BPF_CORE_READ(regs, bx);
        out->a[1] = (__u32)BPF_CORE_READ(regs, cx);
        out->a[2] = (__u32)BPF_CORE_READ(regs, dx);
        out->a[3] = (__u32)BPF_CORE_READ(regs, si);
        out->a[4] = (__u32)BPF_CORE_READ(regs, di);
        out->a[5] = (__u32)BPF_CORE_READ(regs, bp);
    } else {
        out->a[0] = BPF_CORE_READ(regs, di);
        out->a[1] = BPF_CORE_READ(regs, si);
        out->a[2] = BPF_CORE_READ(regs, dx);
        out->a[3] = BPF_CORE_READ(regs, r10);
        out->a[4] = BPF_CORE_READ(regs, r8);
        out->a[5] = BPF_CORE_READ(regs, r9);
    }
}

#elif defined(__TARGET_ARCH_arm64)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
    __u64 regs[31];
    __u64 orig_x0;
    int syscallno;
};
#pragma clang attribute pop

static __always_inline bool ag_is_ia32(struct task_struct *task) {
    return false; /* arm64's 32-bit tasks are refused by the loader: it has no table for them */
}

static __always_inline __u32 ag_syscall_nr(struct pt_regs *regs) {
    return BPF_CORE_READ(regs, syscallno);
}

static __always_inline void ag_syscall_args(struct pt_regs *regs, bool ia32, struct ag_args *out) {
    out->a[0] = BPF_CORE_READ(regs, orig_x0);
    out->a[1] = BPF_CORE_READ(regs, regs[1]);
    out->a[2] = BPF_CORE_READ(regs, regs[2]);
    out->a[3] = BPF_CORE_READ(regs, regs[3]);
    out->a[4] = BPF_CORE_READ(regs, regs[4]);
    out->a[5] = BPF_CORE_READ(regs, regs[5]);
}

#else
#error "no such processor yet: say where its system call arguments are"
#endif

#endif
