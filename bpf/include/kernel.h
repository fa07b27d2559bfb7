/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel types that the programs read, with only the members that they read. libbpf finds the real offsets in
 * the running kernel's BTF (CO-RE), so order and size here mean nothing, names mean everything. Kept by hand: a
 * generated vmlinux.h is 3 MB and describes one kernel, this describes what 5.10 to 7.x have in common.
 */
#ifndef AGENTGOV_KERNEL_H
#define AGENTGOV_KERNEL_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
    struct list_head *next, *prev;
};

struct qstr {
    union {
        struct {
            __u32 hash;
            __u32 len;
        };
        __u64 hash_len;
    };
    const unsigned char *name;
};

struct hlist_bl_node {
    struct hlist_bl_node *next, **pprev;
};

struct super_block;
struct inode;

struct dentry {
    unsigned int d_flags;
    struct hlist_bl_node d_hash;
    struct dentry *d_parent;
    struct qstr d_name;
    struct inode *d_inode;
    struct super_block *d_sb;
};

struct vfsmount {
    struct dentry *mnt_root;
};

struct ns_common {
    unsigned int inum;
};

struct mnt_namespace {
    struct ns_common ns;
};

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
    struct mnt_namespace *mnt_ns;
    int mnt_id;       /* as in /proc/PID/mountinfo */
    int mnt_group_id; /* not 0: it hands on what is mounted below it */
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct super_block {
    __u32 s_dev;
    unsigned long s_magic;
    unsigned long s_iflags;
};

struct timespec64 {
    __s64 tv_sec;
    long tv_nsec;
};

struct inode {
    unsigned short i_mode;
    struct super_block *i_sb;
    unsigned long i_ino;
    unsigned int i_nlink;
    __u32 i_generation;
    struct timespec64 i_ctime; /* up to 6.5 */
};

struct inode___v6_6 {
    struct timespec64 __i_ctime;
};

struct inode___v6_11 {
    __s64 i_ctime_sec;
    __u32 i_ctime_nsec;
};

struct callback_head {
    struct callback_head *next;
};

struct file {
    struct inode *f_inode;
    unsigned int f_mode;
    unsigned int f_flags;
    void *private_data;
    struct path f_path;
};

/* What a file hangs by when its last reference was dropped: of one place, the names of 6.12, of 6.1 and of 5.10. */
struct file___task_work {
    struct callback_head f_task_work;
};

struct file___rcuhead {
    struct callback_head f_rcuhead;
};

struct file___u {
    struct callback_head f_u;
};

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
};

struct files_struct {
    struct fdtable *fdt;
};

struct fs_struct {
    struct path root, pwd;
};

struct mm_struct {
    struct file *exe_file;
    unsigned long arg_start, arg_end;
    unsigned long saved_auxv[1];
};

struct pid_namespace;

struct upid {
    int nr;
    struct pid_namespace *ns;
};

struct pid {
    unsigned int level;
    struct upid numbers[1];
};

typedef struct {
    int counter;
} atomic_t;

struct signal_struct {
    atomic_t live;
    int group_exit_code;
    unsigned int flags;
};

typedef struct {
    __u32 val;
} kuid_t;

typedef struct {
    __u32 val;
} kgid_t;

struct cred {
    kuid_t uid;
    kgid_t gid;
    kuid_t euid;
};

struct thread_info {
    unsigned long flags;
    __u32 status; /* x86: TS_COMPAT while in a 32-bit system call */
};

struct task_struct {
    struct thread_info thread_info;
    void *stack;
    unsigned int flags;
    int exit_code;
    unsigned int personality;
    int pid, tgid;
    char comm[16];
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    struct list_head children;
    struct list_head sibling;
    struct pid *thread_pid;
    __u64 start_boottime;
    __u64 self_exec_id;
    const struct cred *cred, *real_cred;
    struct fs_struct *fs;
    struct files_struct *files;
    struct signal_struct *signal;
    struct mm_struct *mm;
    struct callback_head *task_works;
};

struct vm_area_struct {
    struct file *vm_file;
};

struct iattr {
    unsigned int ia_valid;
};

struct msghdr {
    void *msg_name;
    int msg_namelen;
    void *msg_control;
    unsigned long msg_controllen;
    unsigned int msg_flags;
};

struct fs_parameter {
    const char *key;
};

struct linux_binprm {
    struct mm_struct *mm;
    struct file *file;
    struct file *executable; /* that binfmt_misc gives its interpreter as a descriptor */
    const char *filename;
    const char *interp;
};

struct sock_common {
    __u32 skc_daddr;
    __u32 skc_rcv_saddr;
    __u16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    unsigned char skc_state;
    unsigned long skc_flags;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
};

struct socket;

struct sock {
    struct sock_common __sk_common;
    __u16 sk_protocol;
    struct socket *sk_socket;
};

struct ipv6_rt_hdr;
struct ipv6_fl_socklist;

struct ip_options {
    unsigned char srr; /* where the source route begins, 0: there is none */
};

struct ip_options_rcu {
    struct ip_options opt;
};

struct ipv6_txoptions {
    struct ipv6_rt_hdr *srcrt;
};

struct ipv6_pinfo {
    struct ipv6_txoptions *opt;
    struct ipv6_fl_socklist *ipv6_fl_list; /* up to 6.x */
};

struct inet_sock {
    __u16 inet_sport;
    struct ip_options_rcu *inet_opt;
    struct ipv6_pinfo *pinet6; /* only where there is IPv6 */
};

struct inet_sock___v7 {
    struct ipv6_fl_socklist *ipv6_fl_list;
};

struct tcp_sock {
    __u32 write_seq;
    __u32 snd_una;
    __u32 copied_seq;
    __u32 rcv_nxt;
    __u64 bytes_acked;
    __u64 bytes_received;
    __u64 bytes_sent;
    __u64 bytes_retrans;
};

struct sockaddr_un {
    unsigned short sun_family;
};

struct unix_address {
    int len;
    struct sockaddr_un name[1];
};

struct unix_sock {
    struct unix_address *addr;
    struct path path;
};

struct socket {
    short type;
    struct sock *sk;
};

struct kernel_siginfo {
    int si_code;
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

struct bpf_iter__task_file {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
    __u32 fd;
    struct file *file;
};

#pragma clang attribute pop

#endif
