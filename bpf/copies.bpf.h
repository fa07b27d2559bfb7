/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tier hook on a kernel that may preempt. The kernel skips a trampoline program while the same one was interrupted on
 * that CPU (prog->active, __bpf_prog_enter_recur() in kernel/bpf/trampoline.c), so who is preempted inside a verdict
 * lets all others on its CPU pass without one. No program can close that. Hence there
 *
 * - at each hook stand AG_COPIES programs one after the other, all of which go on in the one that decides (a tail call
 *   is no entry that could be skipped). Each that runs asks, until one denies, so that none relies on another one; but
 *   only the first one counts and tells;
 * - each thread's note says what it was asked about, and what went on unasked is found where the call ends, by a
 *   program that cannot be skipped (unasked.bpf.h).
 *
 * Elsewhere what decides stands at the hook itself, and nothing of this is compiled into it.
 */
#ifndef AGENTGOV_COPIES_H
#define AGENTGOV_COPIES_H

const volatile bool copied = false;

/* What each thread was asked about since its last system call ended: struct ag_note_row. Sized by the loader. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct ag_note_row);
} notes SEC(".maps");

/* In `asked`: the kind of the call that was asked about (1 << enum ag_kind), and these. */
#define NOTE_UNIX (1u << AG_KIND_MAX) /* the peer of a unix socket */
#define NOTE_OTHER 0                  /* what nobody looks for */
#define NOTE_TOLD (1u << 30)          /* what one copy found has been counted and told */
#define NOTE_HELD (1u << 31)          /* it was governed before this call began */
AG_STATIC_ASSERT(AG_KIND_MAX < 30, "a note has a bit for each kind");

static __always_inline struct ag_note *note_of(__u32 tid) {
    __u32 row = tid / AG_NOTE_ROW;
    struct ag_note_row *r = bpf_map_lookup_elem(&notes, &row);
    return r ? &r->slot[tid % AG_NOTE_ROW] : NULL;
}

static __always_inline bool is_told(void) {
    struct ag_note *note = copied ? note_of(current_ids()) : NULL;
    return note && note->asked & NOTE_TOLD;
}

/* Notes what was asked about, when it is let through. */
static __always_inline int note_answer(__u32 bit, int answer) {
    __u64 ids = current_ids();
    struct ag_note *note = answer || !is_member(ids >> 32) ? NULL : note_of(ids);
    if (note)
        note->asked |= bit | NOTE_TOLD;
    return answer;
}

/* A file of an execve, as a note has it. None of them is freed before that has ended, so no two are the same. */
static __always_inline __u32 program_id(struct file *file) {
    return (__u64)file >> 6; /* files lie that far apart at least */
}

/* Notes the file of an execve, when it is let through. */
static __always_inline void note_program(struct file *file) {
    struct ag_note *note = note_of(current_ids());
    if (note)
        note->program = program_id(file);
}

static __always_inline int verdict_busy(void); /* verdict.bpf.h */

/* A copy, the first of which is 0: goes on in what decides. */
static __always_inline int copy_asks(void *ctx, void *decider, int copy) {
    __u64 ids = current_ids();
    if (!is_member(ids >> 32))
        return 0;
    struct ag_note *note = copy ? NULL : note_of(ids);
    if (note)
        note->asked &= ~NOTE_TOLD;
    bpf_tail_call(ctx, decider, 0);
    return verdict_busy(); /* it is no longer there */
}

/*
 * From 6.13 on the kernel gives a program that it does not run twice at once on a CPU one stack for that CPU
 * (bpf_enable_priv_stack() in kernel/bpf/verifier.c). By a tail call it does run it twice. A program that has a tail
 * call itself, run or not, keeps the stack of its thread.
 */
static __always_inline void keep_own_stack(void *ctx, void *decider, int answer) {
    asm volatile("" : "+r"(answer));
    if (answer > 0) /* no answer is */
        bpf_tail_call(ctx, decider, 0);
}

#define COPY(n, hook)                                                                                                  \
    SEC("?lsm/" #hook)                                                                                                 \
    int copy##n##_##hook(void *ctx) {                                                                                  \
        return copy_asks(ctx, &decides_##hook, n);                                                                     \
    }

/* What decides at that hook, and its copies. */
#define COPIES(hook)                                                                                                   \
    struct {                                                                                                           \
        __uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                                                         \
        __uint(max_entries, 1);                                                                                        \
        __type(key, __u32);                                                                                            \
        __type(value, __u32);                                                                                          \
    } decides_##hook SEC(".maps");                                                                                     \
    COPY(0, hook)                                                                                                      \
    COPY(1, hook)                                                                                                      \
    COPY(2, hook)
AG_STATIC_ASSERT(AG_COPIES == 3, "as many as COPIES() makes");

#endif
