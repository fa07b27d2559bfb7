/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only place that knows a processor: where a system call keeps its number and its arguments. At sys_exit the
 * arguments are still in the saved registers; the first one would be overwritten by the result on arm64, which keeps
 * a copy of it.
 */
#ifndef AGENTGOV_ARCH_H
#define AGENTGOV_ARCH_H

#include "kernel.h"

#if defined(__TARGET_ARCH_x86)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
    unsigned long r14, bp, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax, sp;
};
#pragma clang attribute pop

/* Of a function of user space: what its probes find in the registers (System V ABI). */
#define AG_ARG1(regs) ((regs)->di)
#define AG_ARG2(regs) ((regs)->si)
#define AG_ARG3(regs) ((regs)->dx)
#define AG_ARG4(regs) ((regs)->cx)
#define AG_RESULT(regs) ((regs)->ax)
#define AG_STACK(regs) ((regs)->sp)
#define AG_RETURN_POPS 8 /* the return address */

/* The same of a function in Go (cmd/compile/abi-internal.md), and the goroutine that runs, in system calls too. */
#define AG_GO_ARG1(regs) ((regs)->ax)
#define AG_GO_ARG2(regs) ((regs)->bx)
#define AG_GO_ARG3(regs) ((regs)->cx)
#define AG_GO_RESULT1(regs) ((regs)->ax)
#define AG_GO_RESULT2(regs) ((regs)->bx)
#define AG_GO_GOROUTINE r14

#define AG_TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h: the current system call is a 32-bit one */
#define AG_X32_BIT 0x40000000

static __always_inline bool ag_is_ia32(struct task_struct *task) {
    return BPF_CORE_READ(task, thread_info.status) & AG_TS_COMPAT;
}

static __always_inline __u32 ag_syscall_nr(struct pt_regs *regs) {
    return (__u32)BPF_CORE_READ(regs, orig_ax) & ~AG_X32_BIT;
}

static __always_inline __u64 ag_syscall_arg(struct pt_regs *regs, bool ia32, int index) {
    switch (index) {
    case 0:
        return ia32 ? (__u32)BPF_CORE_READ(regs, bx) : BPF_CORE_READ(regs, di);
    case 1:
        return ia32 ? (__u32)BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, si);
    case 2:
        return ia32 ? (__u32)BPF_CORE_READ(regs, dx) : BPF_CORE_READ(regs, dx);
    case 3:
        return ia32 ? (__u32)BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, r10);
    case 4:
        return ia32 ? (__u32)BPF_CORE_READ(regs, di) : BPF_CORE_READ(regs, r8);
    case 5:
        return ia32 ? (__u32)BPF_CORE_READ(regs, bp) : BPF_CORE_READ(regs, r9);
    default:
        return 0; /* AG_NO_ARG */
    }
}

#elif defined(__TARGET_ARCH_arm64)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs {
    __u64 regs[31];
    __u64 sp;
    __u64 orig_x0;
    int syscallno;
};
#pragma clang attribute pop

#define AG_TIF_32BIT (1 << 22) /* arch/arm64/include/asm/thread_info.h: a 32-bit program; no table is kept for them */
#define AG_ARG1(user) ((user)->regs[0]) /* AAPCS64 */
#define AG_ARG2(user) ((user)->regs[1])
#define AG_ARG3(user) ((user)->regs[2])
#define AG_ARG4(user) ((user)->regs[3])
#define AG_RESULT(user) ((user)->regs[0])
#define AG_STACK(user) ((user)->sp)
#define AG_RETURN_POPS 0

#define AG_GO_ARG1(user) ((user)->regs[0])
#define AG_GO_ARG2(user) ((user)->regs[1])
#define AG_GO_ARG3(user) ((user)->regs[2])
#define AG_GO_RESULT1(user) ((user)->regs[0])
#define AG_GO_RESULT2(user) ((user)->regs[1])
#define AG_GO_GOROUTINE regs[28]

static __always_inline bool ag_is_ia32(struct task_struct *task) {
    return BPF_CORE_READ(task, thread_info.flags) & AG_TIF_32BIT;
}

static __always_inline __u32 ag_syscall_nr(struct pt_regs *regs) {
    return BPF_CORE_READ(regs, syscallno);
}

static __always_inline __u64 ag_syscall_arg(struct pt_regs *regs, bool ia32, int index) {
    switch (index) {
    case 0:
        return BPF_CORE_READ(regs, orig_x0);
    case 1:
        return BPF_CORE_READ(regs, regs[1]);
    case 2:
        return BPF_CORE_READ(regs, regs[2]);
    case 3:
        return BPF_CORE_READ(regs, regs[3]);
    case 4:
        return BPF_CORE_READ(regs, regs[4]);
    case 5:
        return BPF_CORE_READ(regs, regs[5]);
    default:
        return 0; /* AG_NO_ARG */
    }
}

#else
#error "no such processor yet: say where its system call arguments are"
#endif

#endif
