/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include "clock.h"
#include "hold.h"
#include "iter.h"
#include "loaded.h"
#include "written.h"

/* The second before this moment, by the machine's clock: that of files is a little behind. */
static __u64 second_before(uint64_t ktime) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec - (clock_now() - ktime) / NS_PER_SEC - 2;
}

static int put(const struct programs *p, enum ag_unmarked what, __u64 value) {
    __u32 row = p->members.agent * AG_UNMARKED_ROWS + what;
    return bpf_map_update_elem(bpf_map__fd(p->skel->maps.unmarked), &row, &value, BPF_ANY) ? -errno : 0;
}

static int get(int unmarked, __u32 agent, enum ag_unmarked what, __u64 *value) {
    __u32 row = agent * AG_UNMARKED_ROWS + what;
    return bpf_map_lookup_elem(unmarked, &row, value) ? -errno : 0;
}

int written_begin(const struct programs *p) {
    return put(p, AG_UNMARKED_SINCE, second_before(clock_now()));
}

static int copy_marks(int from, int to) {
    struct ag_written key, *at = NULL;
    __u8 mark = 1;
    int err = 0;
    hold_begin();
    while (!err && bpf_map_get_next_key(from, at, &key) == 0) {
        err = bpf_map_update_elem(to, &key, &mark, BPF_ANY) ? -errno : 0;
        at = &key;
    }
    hold_end();
    return err;
}

/* When a run began to pin, which is what its folder is called. */
static uint64_t begin_of(const struct kept_run *run) {
    return strtoull(strrchr(run->path, '/') + 1, NULL, 16);
}

static int take_marks(const struct programs *p, const struct kept_run *run) {
    __u64 own, lost = 1, since = second_before(begin_of(run));
    int err = get(bpf_map__fd(p->skel->maps.unmarked), p->members.agent, AG_UNMARKED_SINCE, &own);
    /* Without their tables, which another version has not, all that was changed since may be theirs. */
    if (run->written >= 0 && run->unmarked >= 0 && !err) {
        err = copy_marks(run->written, agent_maps_fd(&p->own, p->skel->maps.written));
        if (!err)
            err = get(run->unmarked, run->members.agent, AG_UNMARKED_SINCE, &since);
        if (!err)
            err = get(run->unmarked, run->members.agent, AG_UNMARKED_LOST, &lost);
    }
    if (!err && since < own)
        err = put(p, AG_UNMARKED_SINCE, since);
    if (!err && lost)
        err = put(p, AG_UNMARKED_LOST, 1);
    return err;
}

int written_adopt(const struct programs *p, const struct kept_runs *kept) {
    struct iter_rows none = {0}; /* the program writes nothing: its work is done while it runs */
    int err = iter_run(loaded_fd(p->skel->progs.adopt_writers), &none);
    iter_free(&none);
    for (size_t i = 0; i < kept->count && !err; i++)
        err = take_marks(p, &kept->runs[i]);
    if (err)
        put(p, AG_UNMARKED_LOST, 1);
    return err;
}
