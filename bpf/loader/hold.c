/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <bpf/bpf.h>
#include "hold.h"
#include "machine.h"

static _Thread_local int depth;

/* Where real time is refused, what is missed is counted all the same. */
static void schedule(int policy, int priority) {
    struct sched_param param = {.sched_priority = priority};
    (void)sched_setscheduler(0, policy | SCHED_RESET_ON_FORK, &param);
}

void hold_begin(void) {
    if (depth++ == 0 && machine_preempts_programs())
        schedule(SCHED_FIFO, 1);
}

void hold_end(void) {
    if (--depth == 0 && machine_preempts_programs())
        schedule(SCHED_OTHER, 0);
}

/* Each call of libbpf on a map. Those that only read the next key let the programs run. */
#define HELD(name, params, args)                                                                                       \
    int __real_##name params;                                                                                          \
    int __wrap_##name params;                                                                                          \
    int __wrap_##name params {                                                                                         \
        hold_begin();                                                                                                  \
        int result = __real_##name args, err = errno;                                                                  \
        hold_end();                                                                                                    \
        errno = err;                                                                                                   \
        return result;                                                                                                 \
    }

HELD(bpf_map_lookup_elem, (int fd, const void *key, void *value), (fd, key, value))
HELD(bpf_map_update_elem, (int fd, const void *key, const void *value, __u64 flags), (fd, key, value, flags))
HELD(bpf_map_delete_elem, (int fd, const void *key), (fd, key))
HELD(bpf_map_lookup_batch,
     (int fd, void *from, void *to, void *keys, void *values, __u32 *count, const struct bpf_map_batch_opts *opts),
     (fd, from, to, keys, values, count, opts))
HELD(bpf_map_update_batch,
     (int fd, const void *keys, const void *values, __u32 *count, const struct bpf_map_batch_opts *opts),
     (fd, keys, values, count, opts))
HELD(bpf_map_delete_batch, (int fd, const void *keys, __u32 *count, const struct bpf_map_batch_opts *opts),
     (fd, keys, count, opts))
