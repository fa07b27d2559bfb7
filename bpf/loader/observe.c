/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tier observe: tracepoints only. Works wherever BPF works, sees results, denies nothing. */
#include <errno.h>
#include <string.h>
#include <stdbool.h>
#include <linux/types.h>
#include <bpf/libbpf.h>
#include <bpf/bpf.h>
#include "include/events.h"
#include "layouts.h"
#include "tiers.h"

#define SLOTS_PER_CPU 4 /* bpf/emit.bpf.h */

static struct bpf_link *links[16];
static int links_count;

static int hang(struct bpf_program *prog, const char **what) {
    struct bpf_link *link = bpf_program__attach(prog);
    if (!link) {
        *what = bpf_program__name(prog);
        return -errno;
    }
    links[links_count++] = link;
    return 0;
}

int tier_prepare(struct agentgov_bpf *skel) {
    int cpus = libbpf_num_possible_cpus();
    if (cpus < 0)
        return cpus;
    return bpf_map__set_max_entries(skel->maps.scratches, cpus * SLOTS_PER_CPU);
}

static int put(struct agentgov_bpf *skel, struct bpf_map *programs, int nr, int offset,
               const struct ag_layout *layout) {
    const struct bpf_program *handler[AG_H_MAX] = {
        [AG_H_OPEN] = skel->progs.sx_open, [AG_H_PATH] = skel->progs.sx_path, [AG_H_SOCKET] = skel->progs.sx_socket,
        [AG_H_SEND] = skel->progs.sx_send, [AG_H_MISC] = skel->progs.sx_misc,
    };
    if (nr < 0)
        return 0;
    __u32 key = nr + offset;
    int err = bpf_map__update_elem(skel->maps.layouts, &key, sizeof(key), layout, sizeof(*layout), BPF_ANY);
    if (err)
        return err;
    __u32 slot = nr, fd = bpf_program__fd(handler[layout->handler]);
    return bpf_map__update_elem(programs, &slot, sizeof(slot), &fd, sizeof(fd), BPF_ANY);
}

int tier_observe_attach(struct agentgov_bpf *skel, const char **what) {
    *what = "layouts";
    for (int i = 0; i < syscall_layouts_count; i++) {
        const struct syscall_layout *call = &syscall_layouts[i];
        int err = put(skel, skel->maps.by_nr, call->nr, 0, &call->layout);
        if (!err)
            err = put(skel, skel->maps.by_nr_ia32, call->nr_ia32, AG_NR_MAX, &call->layout);
        if (err)
            return err;
    }
    /* Exit before fork: whoever is marked by the one is unmarked by the other. */
    struct bpf_program *order[] = {
        skel->progs.sched_process_exit, skel->progs.task_newtask,        skel->progs.sched_process_exec,
        skel->progs.signal_generate,    skel->progs.inet_sock_set_state, skel->progs.sys_exit,
    };
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        int err = hang(order[i], what);
        if (err)
            return err;
    }
    return 0;
}

void tier_detach(void) {
    dns_detach();
    while (links_count > 0)
        bpf_link__destroy(links[--links_count]);
}
