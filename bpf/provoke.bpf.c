// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Denies one process its opens. A tier is active only when that was really seen: without `bpf` among the kernel's LSMs
 * an lsm/ program loads and attaches without an error, and never runs.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "include/kernel.h"
#include "pids.bpf.h"

volatile __u32 victim = 0; /* the loader's own child; 0: nobody */
volatile __u64 runs = 0;

SEC("lsm/file_open")
int deny(void *ctx) {
    if (!victim || (__u32)(current_ids() >> 32) != victim)
        return 0;
    __sync_fetch_and_add(&runs, 1);
    return -1; /* EPERM */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
