// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* In which PID namespace the loader is, asked before the other programs are loaded: they are told so. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "include/kernel.h"

volatile __u64 reader_pidns = 0;
volatile __u32 reader_level = 0;

/* Whatever task it is called for: it looks at the one that reads. */
SEC("iter/task")
int find_own(struct bpf_iter__task *ctx) {
    struct pid *pid = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), thread_pid);
    __u32 level = BPF_CORE_READ(pid, level) & 31;
    struct pid_namespace *ns = 0;
    bpf_probe_read_kernel(&ns, sizeof(ns),
                          (char *)pid + bpf_core_field_offset(struct pid, numbers) +
                              level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, ns));
    reader_pidns = (__u64)ns;
    reader_level = level;
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
