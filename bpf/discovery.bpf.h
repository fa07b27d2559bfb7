/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * With --capture-tls only: tells the loader what may have brought a TLS library into a process of the tree, so that it
 * can look and attach. An exec, a file mapped to be executed, and the fork and the end of a process that has probes.
 * The same libraries and programs come again and again: what the loader has found to be none of interest is not told
 * again while the file is the same.
 */
#ifndef AGENTGOV_DISCOVERY_H
#define AGENTGOV_DISCOVERY_H

#define CLONE_VM 0x100
#define PROT_EXEC 4
#define MAP_ANONYMOUS 0x20

/* Set by the loader before load. While it is false nothing of this is in the kernel, not even the maps. */
const volatile bool tls_on = false;

PER_AGENT(
    tls_notices, struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 1 << 20);
    });

/* What the loader knows of files: enum ag_file_flag. What is forgotten is looked at again. */
PER_AGENT(
    tls_files, struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, AG_TLS_FILES_MAX);
        __uint(key_size, sizeof(struct ag_file));
        __uint(value_size, sizeof(__u32));
    });

/* Processes with probes (enum ag_probed), by the loader; the kernel removes them at their end. */
PER_AGENT(
    tls_processes, struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, AG_TLS_PROCESSES_MAX);
        __uint(map_flags, BPF_F_NO_PREALLOC);
        __uint(key_size, sizeof(__u32));
        __uint(value_size, sizeof(__u32));
    });

static __always_inline struct ag_file file_key(struct file *file) {
    struct inode *inode = BPF_CORE_READ(file, f_inode);
    struct ag_file key = {.ino = BPF_CORE_READ(inode, i_ino), .dev = BPF_CORE_READ(inode, i_sb, s_dev)};
    struct inode___v6_6 *newer = (void *)inode;
    struct inode___v6_11 *newest = (void *)inode;
    if (bpf_core_field_exists(newest->i_ctime_sec)) {
        key.changed_s = BPF_CORE_READ(newest, i_ctime_sec);
        key.changed_ns = BPF_CORE_READ(newest, i_ctime_nsec);
    } else if (bpf_core_field_exists(newer->__i_ctime)) {
        key.changed_s = BPF_CORE_READ(newer, __i_ctime.tv_sec);
        key.changed_ns = BPF_CORE_READ(newer, __i_ctime.tv_nsec);
    } else {
        key.changed_s = BPF_CORE_READ(inode, i_ctime.tv_sec);
        key.changed_ns = BPF_CORE_READ(inode, i_ctime.tv_nsec);
    }
    return key;
}

static __always_inline bool file_is(__u32 agent, const struct ag_file *file, __u32 flags) {
    __u32 *known = own_entry(&tls_files, agent, file);
    return known && (*known & flags) == flags;
}

static __always_inline __u32 probes_of(__u32 agent, __u32 tgid) {
    __u32 *there = own_entry(&tls_processes, agent, &tgid);
    return there ? *there : 0;
}

/* The loader waits for nothing more than for this: no record may wait for the next. */
static __always_inline void notice_send(__u32 agent, const struct ag_notice *notice) {
    void *ring = map_of(&tls_notices, agent);
    if (!ring || bpf_ringbuf_output(ring, (void *)notice, sizeof(*notice), BPF_RB_FORCE_WAKEUP))
        count_lost_of(agent, AG_CLASS_TLS, AG_LOSS_RING_FULL);
}

/* All connections of the process are over, in the ring behind what they carried. */
static __always_inline void tls_all_over(__u32 agent);

static __always_inline void notice_fork(__u32 agent, __u32 parent, __u32 pid, struct task_struct *child,
                                        unsigned long clone_flags) {
    if ((clone_flags & CLONE_VM) || probes_of(agent, parent) != AG_PROBED_MAPPED)
        return; /* with the parent's memory go the parent's probes */
    struct ag_notice notice = {.kind = AG_NOTICE_FORK, .pid = pid, .other = parent};
    notice.start = BPF_CORE_READ(child, start_boottime);
    notice_send(agent, &notice);
}

static __always_inline void notice_exec(__u32 agent, struct task_struct *task, __u32 old_tid) {
    struct ag_id id = id_of(task);
    struct ag_notice notice = {.kind = AG_NOTICE_EXEC, .pid = id.pid, .start = id.start};
    notice.file = file_key(BPF_CORE_READ(task, mm, exe_file));
    bool probes = probes_of(agent, id.pid);
    if (probes)
        tls_all_over(agent);
    else if (file_is(agent, &notice.file, AG_FILE_NO_TLS | AG_FILE_QUIET))
        return;
    notice.other = old_tid != (__u32)BPF_CORE_READ(task, pid);
    notice_send(agent, &notice);
}

static __always_inline void notice_exit(__u32 agent, __u32 tgid, struct task_struct *task) {
    if (!probes_of(agent, tgid))
        return;
    own_remove(&tls_processes, agent, &tgid);
    tls_all_over(agent);
    struct ag_notice notice = {.kind = AG_NOTICE_EXIT, .pid = tgid};
    notice.start = BPF_CORE_READ(task, group_leader, start_boottime);
    notice_send(agent, &notice);
}

/* mmap of a 64-bit process. Its libraries are mapped by itself, one call each; the program by its exec. */
SEC("?tp/raw_syscalls/sys_exit")
int sx_mmap(void *ctx) {
    struct pt_regs *regs = sys_exit_regs(ctx);
    long address = sys_exit_result(ctx);
    if ((address < 0 && address > -4096) || !(ag_syscall_arg(regs, false, 2) & PROT_EXEC) ||
        (ag_syscall_arg(regs, false, 3) & MAP_ANONYMOUS))
        return 0;
    struct file *file = file_of_fd((__s32)ag_syscall_arg(regs, false, 4));
    if (!file)
        return 0;
    struct ag_notice notice = {.kind = AG_NOTICE_MAP, .other = address, .file = file_key(file)};
    __u32 agent = current_agent();
    if (file_is(agent, &notice.file, AG_FILE_NO_TLS))
        return 0;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct ag_id id = id_of(task);
    notice.pid = id.pid;
    notice.start = id.start;
    notice.exe = file_key(BPF_CORE_READ(task, mm, exe_file));
    notice_send(agent, &notice);
    return 0;
}

#endif
