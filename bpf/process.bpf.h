/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of a process: membership is handed on here, and fork, exec and exit are told. */
#ifndef AGENTGOV_PROCESS_H
#define AGENTGOV_PROCESS_H

#define CLONE_THREAD 0x10000
#define SIGNAL_GROUP_EXIT 4 /* include/linux/sched/signal.h */
#define EXIT_CHILDREN 1024  /* children of an exiting process that an attach can follow */

/* The pid of a process in its own pid namespace. */
static __always_inline __u32 inner_pid(struct task_struct *leader) {
    struct pid *pid = BPF_CORE_READ(leader, thread_pid);
    __u32 level = BPF_CORE_READ(pid, level) & 31;
    int nr = 0;
    bpf_probe_read_kernel(&nr, sizeof(nr),
                          (char *)pid + bpf_core_field_offset(struct pid, numbers) +
                              level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr));
    return nr;
}

/*
 * What a child has from its parent: whose it is, and which script it runs. Returns whose. It may be done several
 * times: the number is the child's alone until that has run, and each time writes what the parent is by then. Whoever
 * begins after the loader's barrier sees what it has marked before (bpf/loader/attach.c), whichever time that is.
 */
static __always_inline __u32 hand_on(__u32 tgid, struct task_struct *child, __u32 pid) {
    if (attaching) {
        struct ag_id id = id_of(child), parent = id_of((struct task_struct *)bpf_get_current_task());
        record_edge(&id, &parent);
    }
    /*
     * Written for everybody: a number may have been left marked, by an exit program that the kernel skipped. But for 0,
     * which a child has that was not found: whoever is outside our namespace has it too.
     */
    __u32 agent = agent_of(tgid);
    __u8 *byte = pid ? member_byte(pid) : NULL;
    if (byte)
        *byte = agent;
    if (agent && agent_row(agent)->scripts_kept)
        script_for_child(agent, tgid, pid, child);
    return agent;
}

/*
 * copy_process() calls this in the parent, after the child has its pid and before wake_up_new_task(): nothing that the
 * child does can come earlier. Fork, vfork, clone3 and io workers all pass here (sched_process_fork misses the last).
 */
SEC("tp/task/task_newtask")
int task_newtask(void *ctx) {
    __u32 tgid = current_ids() >> 32;
    unsigned long clone_flags = newtask_flags(ctx);
    if (clone_flags & CLONE_THREAD)
        return 0; /* same tgid: member already, or not */
    struct task_struct *child = newtask_child(ctx);
    __u32 pid = newtask_pid(ctx, child);
    __u32 agent = hand_on(tgid, child, pid);
    if (!agent)
        return 0;
    if (tls_on)
        notice_fork(agent, tgid, pid, child, clone_flags);
    __u32 slot;
    struct scratch *s = record_begin_of(agent, AG_FORK, AG_CLASS_PROCESS, &slot);
    if (!s)
        return 0;
    s->rec.pid = s->rec.tid = pid;
    s->rec.arg[0] = clone_flags;
    s->rec.arg[1] = inner_pid(child);
    s->rec.arg[2] = s->rec.start;
    s->rec.start = BPF_CORE_READ(child, start_boottime);
    s->rec.ppid = tgid_of(BPF_CORE_READ(child, real_parent));
    record_send(s, true);
    scratch_release(s);
    return 0;
}

/*
 * The same again, without a record, where the one above hangs on a perf event. The kernel runs no program of those on a
 * CPU where somebody's bpf() call on a map was interrupted (bpf_prog_active, trace_call_bpf() in
 * kernel/trace/bpf_trace.c). It does run these, each of which it skips only while another run of that one is
 * interrupted there. With one of them a crowd that was held off all the time still lost one to three of eighty
 * children, so there are several: a child leaves the tree only while each is interrupted, in a task of its own.
 */
static __always_inline int newtask_again(void *ctx) {
    if (btf_arg(ctx, 1) & CLONE_THREAD)
        return 0;
    struct task_struct *child = (struct task_struct *)btf_arg(ctx, 0);
    hand_on(current_ids() >> 32, child, tgid_of(child));
    return 0;
}

#define AGAIN(n)                                                                                                       \
    SEC("?tp_btf/task_newtask")                                                                                        \
    int again##n##_task_newtask(void *ctx)

AGAIN(0) {
    return newtask_again(ctx);
}

AGAIN(1) {
    return newtask_again(ctx);
}

AGAIN(2) {
    return newtask_again(ctx);
}

AGAIN(3) {
    return newtask_again(ctx);
}

/*
 * The perf event of sched_process_exec knows the name of a script, but not of its interpreter, which is in the binprm.
 * The event before it does: sched_prepare_exec, in the same thread, from 6.10 on.
 */
#define INTERP_BYTES 256 /* BINPRM_BUF_SIZE: a #! line is not longer */

struct interp {
    char name[INTERP_BYTES];
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024); /* an entry is needed from the one event to the other */
    __type(key, __u32);        /* the thread, as it is called before the exec */
    __type(value, struct interp);
} interps SEC(".maps");

SEC("?tp/sched/sched_prepare_exec")
int sched_prepare_exec(void *ctx) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct trace_event_raw_sched_prepare_exec *event = ctx;
    __u32 tid = (__u32)bpf_get_current_pid_tgid();
    struct interp interp = {};
    long n = bpf_probe_read_kernel_str(interp.name, sizeof(interp.name), data_loc(ctx, event->__data_loc_interp));
    if (n > 0 && n < INTERP_BYTES)
        bpf_map_update_elem(&interps, &tid, &interp, BPF_ANY);
    else /* as long as that it is the program's own name */
        bpf_map_delete_elem(&interps, &tid);
    return 0;
}

/* What execve was given, and what the kernel ran in its place if that is a script: NULL, or the name again, if not. */
struct exec_names {
    const char *asked, *interp;
};

static __always_inline struct exec_names exec_names(void *ctx) {
    struct exec_names names;
    if (by_perf) {
        struct trace_event_raw_sched_process_exec *event = ctx;
        __u32 tid = event->old_pid;
        names.asked = data_loc(ctx, event->__data_loc_filename);
        names.interp = bpf_map_lookup_elem(&interps, &tid);
    } else {
        struct linux_binprm *bprm = (struct linux_binprm *)btf_arg(ctx, 2);
        names.asked = BPF_CORE_READ(bprm, filename);
        names.interp = BPF_CORE_READ(bprm, interp);
        if (names.interp == names.asked)
            names.interp = NULL;
    }
    return names;
}

/*
 * The file of a script is closed by now and no pointer to it is left in the binprm: exec_binprm() has dropped it for
 * the interpreter's. But what drops the last reference to a file only leaves the rest for the way back to user space
 * (fput() in fs/file_table.c), so it still hangs in task_works. The newest work comes first there, and the exec has
 * dropped the script before anything else that it opened, as it has the outermost of several before the others.
 */
#define FMODE_EXEC 0x20 /* include/linux/fs.h: only the kernel itself opens so */
#define WORKS_NEW 16    /* where the newest is looked for */
#define WORKS_STEP 4
#define WORKS_MAX 256 /* each is a file of which the process that is replaced was the last user */

static __always_inline struct file *file_of_work(__u64 work) {
    if (bpf_core_field_exists(struct file___task_work, f_task_work))
        return (struct file *)(work - bpf_core_field_offset(struct file___task_work, f_task_work));
    if (bpf_core_field_exists(struct file___rcuhead, f_rcuhead))
        return (struct file *)(work - bpf_core_field_offset(struct file___rcuhead, f_rcuhead));
    return (struct file *)(work - bpf_core_field_offset(struct file___u, f_u));
}

/* Works of other kinds hang there too: what is no file does not lead to the same inode in two ways. */
static __always_inline bool is_executed(struct file *file) {
    struct inode *inode = BPF_CORE_READ(file, f_inode);
    return inode && inode == BPF_CORE_READ(file, f_path.dentry, d_inode) && BPF_CORE_READ(file, f_flags) & FMODE_EXEC;
}

/*
 * Puts the oldest file among the next works that was opened to be executed into the slot; returns where to go on, 0 at
 * the end. A function of its own, as orphans_step() is.
 */
__attribute__((noinline)) __u64 works_step(__u32 slot, __u64 work) {
    struct scratch *s = scratch_at(slot);
    for (int i = 0; s && work && i < WORKS_STEP; i++) {
        struct file *file = file_of_work(work);
        if (is_executed(file))
            s->dropped = (__u64)file;
        struct callback_head *head = (void *)work;
        work = (__u64)BPF_CORE_READ(head, next);
    }
    return work;
}

/* The oldest file among the works of `task` that was opened to be executed, or NULL. */
static __always_inline struct file *dropped_by_exec(struct scratch *s, __u32 slot, struct task_struct *task) {
    __u64 work = (__u64)BPF_CORE_READ(task, task_works);
    s->dropped = 0;
    for (int i = 0; work && i < WORKS_MAX / WORKS_STEP; i++)
        work = works_step(slot, work);
    return work ? NULL : (struct file *)s->dropped;
}

/* The file that the exec under way has dropped last, or NULL. Other work may have been hung before it since. */
static __always_inline struct file *dropped_last(void) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    __u64 work = (__u64)BPF_CORE_READ(task, task_works);
    for (int i = 0; work && i < WORKS_NEW; i++) {
        struct file *file = file_of_work(work);
        if (is_executed(file))
            return file;
        struct callback_head *head = (void *)work;
        work = (__u64)BPF_CORE_READ(head, next);
    }
    return NULL;
}

/*
 * The descriptor under which an interpreter was given the file, or -1: then it was not dropped (binfmt_misc with the
 * flag O, Documentation/admin-guide/binfmt-misc.rst). It is in the vector that the new program starts with.
 */
#define AT_NULL 0
#define AT_EXECFD 2
#define AUXV_MAX 32

__attribute__((noinline)) int exec_descriptor(void) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct mm_struct *mm = BPF_CORE_READ(task, mm);
    unsigned long *entry = (void *)((char *)mm + bpf_core_field_offset(struct mm_struct, saved_auxv));
    for (int i = 0; i < AUXV_MAX; i++, entry += 2) {
        unsigned long pair[2] = {};
        bpf_probe_read_kernel(pair, sizeof(pair), entry);
        if (pair[0] == AT_EXECFD)
            return pair[1];
        if (pair[0] == AT_NULL)
            break;
    }
    return -1;
}

static __always_inline void part_script(struct scratch *s, __u32 slot, struct task_struct *task) {
    int fd = exec_descriptor();
    struct file *file = fd >= 0 ? file_of_fd(fd) : dropped_by_exec(s, slot, task);
    if (file && s->rec.size <= DATA_BYTES / 2 - AG_PATH_MAX - NAME_BYTES)
        part_file(s, slot, AG_PART_SCRIPT, 0, file);
    if (file && is_written(file))
        s->rec.flags |= AG_F_SCRIPT_WRITTEN;
}

/* The number (in the machine's namespace) of the thread that called exec: another's than the process's, now it has
 * that. */
static __always_inline __u32 exec_old_tid(void *ctx) {
    return by_perf ? ((struct trace_event_raw_sched_process_exec *)ctx)->old_pid : (__u32)btf_arg(ctx, 1);
}

static __always_inline void look_behind_exec(__u32 tid); /* unasked.bpf.h */

/* begin_new_exec() is over: mm, credentials and name are the new program's, and nothing of it has run. */
SEC("tp/sched/sched_process_exec")
int sched_process_exec(void *ctx) {
    __u32 agent = current_agent();
    if (!agent)
        return 0;
    if (copied && !own_pidns) /* the number of before is the machine's own */
        look_behind_exec(exec_old_tid(ctx));
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    if (tls_on)
        notice_exec(agent, task, exec_old_tid(ctx));
    if (agent_row(agent)->scripts_kept)
        scripts_of_past(agent, current_ids() >> 32, (__u64)BPF_CORE_READ(task, mm));
    __u32 slot;
    struct scratch *s = record_begin_of(agent, AG_EXEC, AG_CLASS_PROCESS, &slot);
    if (!s)
        return 0;
    s->rec.ppid = tgid_of(BPF_CORE_READ(task, real_parent));
    s->rec.arg[0] = bpf_get_current_cgroup_id();
    s->rec.arg[1] = inner_pid(BPF_CORE_READ(task, group_leader));
    s->rec.arg[2] = BPF_CORE_READ(task, cred, euid.val);
    struct file *exe = BPF_CORE_READ(task, mm, exe_file);
    part_file(s, slot, AG_PART_PATH, 0, exe);
    if (exe && is_written(exe))
        s->rec.flags |= AG_F_WRITTEN;
    part_path(s, slot, AG_PART_CWD, 0, BPF_CORE_READ(task, fs, pwd.dentry), BPF_CORE_READ(task, fs, pwd.mnt));

    __u64 from = BPF_CORE_READ(task, mm, arg_start), to = BPF_CORE_READ(task, mm, arg_end);
    __u32 at = part_begin(s, AG_PART_ARGV, 0);
    __u64 len = to - from;
    s->rec.arg[3] = len;
    if (len > AG_ARGV_MAX) {
        part_flag(s, at, AG_PART_CUT);
        len = AG_ARGV_MAX;
    }
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (bpf_probe_read_user(&s->data[off], bounded(len, 2 * AG_ARGV_MAX - 1), (void *)from)) {
        part_flag(s, at, AG_PART_UNREAD);
        len = 0;
    }
    part_end(s, at, len);

    struct exec_names names = exec_names(ctx);
    if (names.interp) {
        part_kernel_string(s, AG_PART_SCRIPT_ASKED, 0, names.asked, AG_PATH_MAX);
        part_kernel_string(s, AG_PART_INTERP, 0, names.interp, INTERP_BYTES);
        part_script(s, slot, task);
    }
    record_send(s, true);
    scratch_release(s);
    return 0;
}

/*
 * do_exit() calls this for each thread after it has counted itself out of signal->live: at 0 the whole process is
 * over. The children are still linked here, they are given to a new parent only later: the last moment at which an
 * attach that runs at the same time can learn whose they are.
 */
#define ORPHANS_STEP 8

/*
 * Records the edges of up to ORPHANS_STEP children of `task` from `node` on; returns where to go on, 0 at the end of
 * the list. A function of its own, so that the verifier meets the work once; scalar arguments, for 5.10 takes nothing
 * else.
 */
__attribute__((noinline)) __u64 orphans_step(__u64 head, __u64 node, __u64 task) {
    struct ag_id parent = id_of((struct task_struct *)task);
    for (int i = 0; i < ORPHANS_STEP; i++) {
        if (node == head || !node)
            return 0;
        struct task_struct *child = (void *)(node - bpf_core_field_offset(struct task_struct, sibling));
        struct ag_id id = id_of(child);
        record_edge(&id, &parent);
        struct list_head *link = (void *)node;
        node = (__u64)BPF_CORE_READ(link, next);
    }
    return node;
}

static __always_inline void record_orphans(struct task_struct *task) {
    struct ag_id id = id_of(task), parent = id_of(BPF_CORE_READ(task, real_parent));
    record_edge(&id, &parent);
    struct list_head *head = (void *)((char *)task + bpf_core_field_offset(struct task_struct, children));
    __u64 node = (__u64)BPF_CORE_READ(head, next);
    for (int i = 0; i < EXIT_CHILDREN / ORPHANS_STEP && node; i++)
        node = orphans_step((__u64)head, node, (__u64)task);
    if (node)
        __sync_fetch_and_add(&edges_lost, 1);
}

SEC("tp/sched/sched_process_exit")
int sched_process_exit(void *ctx) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    __u32 tgid = current_ids() >> 32;
    if (attaching)
        record_orphans(task);
    __u8 *byte = member_byte(tgid);
    if (!byte || !*byte)
        return 0;
    struct ag_note *note = copied ? note_of(current_ids()) : NULL;
    if (note) /* whoever has this number next */
        *note = (struct ag_note){};
    if (BPF_CORE_READ(task, signal, live.counter) > 0)
        return 0;
    __u32 agent = agent_in(*byte);
    *byte = AG_NOBODY;
    if (!agent)
        return 0;
    if (tls_on)
        notice_exit(agent, tgid, task);
    if (agent_row(agent)->scripts_kept)
        scripts_of_ended(agent, tgid);
    __u32 slot;
    struct scratch *s = record_begin_of(agent, AG_EXIT, AG_CLASS_PROCESS, &slot);
    if (!s)
        return 0;
    if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
        s->rec.arg[0] = BPF_CORE_READ(task, signal, group_exit_code);
    else
        s->rec.arg[0] = BPF_CORE_READ(task, group_leader, exit_code);
    record_send(s, true);
    scratch_release(s);
    return 0;
}

#endif
