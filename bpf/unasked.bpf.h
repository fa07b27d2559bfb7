/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where there are copies (copies.bpf.h): a call that went on although no copy was asked about it. It is found where it
 * ends, on tracepoints that the kernel runs with preemption off, so by a program that nobody can be preempted in and
 * that is skipped for nobody. An open is asked about now, for its file is there. Of all else nothing is known any more
 * but that it got past: several copies do not miss honest work, so whoever did it is killed, before its program sees
 * the result. So is an execve, which may lead to several files: of a script and what it names each is looked for where
 * the next one is asked about, the last one where it begins to run. By then nobody can ask any more, since who acts is
 * the new program.
 *
 * Not found is what no system call of its own did (io_uring), and the second of several questions of one call
 * (sendmmsg). A call that a tracer or a seccomp filter answers in the kernel's place looks like one that nobody was
 * asked about; so none of those count that sandboxes are known to answer: owners, users, groups, device nodes, mounts.
 */
#ifndef AGENTGOV_UNASKED_H
#define AGENTGOV_UNASKED_H

#define SIGKILL 9
#define EINPROGRESS 115
#define O_PATH 010000000
#define O_TMPFILE_ONLY 020000000 /* __O_TMPFILE */
#define FMODE_PATH 0x4000

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} unasked SEC(".maps");

/* Nothing asks about a file that is only named. What is in the registers nobody can change meanwhile. */
static __always_inline bool opens_no_content(const struct call *call, struct file *file) {
    if (call->layout->flags & AG_L_CREAT)
        return false;
    if (call->layout->flags & AG_L_OPEN_HOW)
        return file && BPF_CORE_READ(file, f_mode) & FMODE_PATH;
    return call_arg(call, call->layout->value[0]) & O_PATH;
}

/* A file without a name is made by no name's hook. */
static __always_inline bool made_by_open(struct file *file) {
    return file && BPF_CORE_READ(file, f_mode) & FMODE_CREATED && !(BPF_CORE_READ(file, f_flags) & O_TMPFILE_ONLY);
}

static __always_inline bool leads_to_unix_peer(const struct call *call) {
    struct socket *sock = socket_of_fd((__s32)call_arg(call, 0));
    return sock && BPF_CORE_READ(sock, sk, __sk_common.skc_family) == AF_UNIX &&
           (__u16)BPF_CORE_READ(sock, type) != SOCK_DGRAM; /* one of those may also be taken apart */
}

static __always_inline bool is_unasked(const struct call *call, __u32 note) {
    __u32 kind = call->layout->kind;
    bool noted = note >> (kind & 31) & 1;
    if (kind == AG_OPEN) {
        struct file *file = file_of_fd(call->ret);
        return !opens_no_content(call, file) && (!noted || (made_by_open(file) && !(note & 1u << AG_PATH)));
    }
    return !noted || (kind == AG_CONNECT && !(note & NOTE_UNIX) && leads_to_unix_peer(call));
}

/* A connect may go on behind its call; a sendmmsg of nothing is a success. */
static __always_inline bool succeeded(const struct call *call) {
    return call->ret > 0 || call->ret == -EINPROGRESS || (call->ret == 0 && !(call->layout->flags & AG_L_MMSG));
}

/* The end of a system call. What began before its thread was governed is not looked at. */
static __always_inline void look_behind(void *ctx) {
    struct call call = {.ret = sys_exit_result(ctx)};
    struct ag_note *note = note_of(current_ids());
    if (!note)
        return;
    __u32 noted = note->asked;
    *note = (struct ag_note){.asked = NOTE_HELD};
    if (!(noted & NOTE_HELD) || !call_read(sys_exit_regs(ctx), &call) || !call.layout->asked)
        return;
    if (succeeded(&call) && is_unasked(&call, noted))
        bpf_tail_call(ctx, &unasked, 0);
}

/* `file`: what it was about, or NULL. */
static __always_inline void kill_unasked(__u32 nr, bool ia32, struct file *file) {
    __u32 slot;
    long err = bpf_send_signal(SIGKILL);
    struct scratch *s = record_begin(AG_GAP, AG_CLASS_SECURITY, &slot);
    if (!s)
        return;
    s->rec.nr = nr;
    s->rec.ret = err;
    if (ia32)
        s->rec.flags |= AG_F_IA32;
    if (file)
        part_file(s, slot, AG_PART_PATH, 0, file);
    record_send(s, true);
    scratch_release(s);
}

static __always_inline void ask_late(const struct call *call, struct file *file) {
    __u32 slot, mode = BPF_CORE_READ(file, f_mode);
    struct scratch *s = verdict_begin(AG_OPEN, &slot);
    if (!s) {
        if (verdict_busy())
            kill_unasked(call->nr, call->ia32, NULL);
        return;
    }
    place(s, slot, BPF_CORE_READ(file, f_path.dentry));
    if (made_by_open(file))
        ask(slot, AG_OF_FILE, AG_CREATE, AG_CREATE, 0);
    if (mode & FMODE_READ)
        ask(slot, AG_OF_FILE, AG_READ, AG_READ, 0);
    if (mode & FMODE_WRITE)
        ask(slot, AG_OF_FILE, AG_WRITE, AG_WRITE, 0);
    if (verdict_passes(s))
        return;
    s->rec.arg[0] = BPF_CORE_READ(file, f_flags);
    s->rec.arg[1] = mode;
    part_file(s, slot, AG_PART_PATH, 0, file);
    if (!(s->ask.verdict & VERDICT_DENIES)) {
        verdict_end(s);
        return;
    }
    s->rec.kind = AG_GAP;
    s->rec.cls = AG_CLASS_SECURITY;
    s->rec.flags &= ~AG_F_VERDICT;
    s->rec.fold = s->ask.verdict;
    s->rec.nr = call->nr;
    if (call->ia32)
        s->rec.flags |= AG_F_IA32;
    s->rec.ret = bpf_send_signal(SIGKILL);
    record_send(s, true);
    scratch_release(s);
}

/* Then its result is told as that of any other call. */
SEC("?tp/raw_syscalls/sys_exit")
int sx_unasked(void *ctx) {
    struct call call = {.ret = sys_exit_result(ctx)};
    struct ag_policy *p = policy_now();
    if (!call_read(sys_exit_regs(ctx), &call))
        return 0;
    struct file *file = call.layout->kind == AG_OPEN ? file_of_fd(call.ret) : NULL;
    if (p && p->active && file)
        ask_late(&call, file);
    else if (p && p->active && p->enforce)
        kill_unasked(call.nr, call.ia32, NULL);
    if (call.ia32)
        bpf_tail_call(ctx, &by_nr_ia32, call.nr);
    else
        bpf_tail_call(ctx, &by_nr, call.nr);
    return 0;
}

/* Was a thread that is governed not asked about this file of its execve? */
static __always_inline bool is_unasked_program(const struct ag_note *note, struct file *file) {
    struct ag_policy *p = policy_now();
    bool asked = note->program && note->program == program_id(file);
    return note->asked & NOTE_HELD && !asked && p && p->active && p->enforce;
}

/*
 * An execve goes on to an interpreter: was the file asked about that named it? It is the one that was dropped last, or
 * kept for the interpreter. Another copy may have noted the interpreter already.
 */
static __always_inline int look_behind_interpreter(struct linux_binprm *bprm, struct file *file) {
    struct ag_note *note = note_of(current_ids());
    if (!note || BPF_CORE_READ(bprm, interp) == BPF_CORE_READ(bprm, filename) || note->program == program_id(file))
        return 0;
    struct file *script = BPF_CORE_READ(bprm, executable);
    if (!script)
        script = dropped_last();
    if (!is_unasked_program(note, script))
        return 0;
    kill_unasked(AG_NO_NR, false, script);
    return -AG_EPERM;
}

/* A new program is about to run. `tid`: the thread's number when it was asked about. */
static __always_inline void look_behind_exec(__u32 tid) {
    struct ag_note *note = note_of(tid);
    struct file *exe = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), mm, exe_file);
    if (note && is_unasked_program(note, exe))
        kill_unasked(AG_NO_NR, false, exe);
}

#endif
