/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include "loaded.h"
#include "tasklist.h"
#include "tiers.h"

static int by_pid(const void *a, const void *b) {
    const struct ag_task *x = a, *y = b;
    return x->id.pid < y->id.pid ? -1 : x->id.pid > y->id.pid;
}

int tasklist_read(struct tasklist *t, const struct agentgov_bpf *skel) {
    int err = iter_run(loaded_fd(skel->progs.list_tasks), &t->bytes);
    t->rows = t->bytes.bytes;
    t->count = err ? 0 : t->bytes.size / sizeof(*t->rows);
    if (t->count)
        qsort(t->bytes.bytes, t->count, sizeof(*t->rows), by_pid);
    return err;
}

void tasklist_free(struct tasklist *t) {
    iter_free(&t->bytes);
    memset(t, 0, sizeof(*t));
}

const struct ag_task *tasklist_find(const struct tasklist *t, __u32 pid) {
    struct ag_task key = {.id.pid = pid};
    return t->count ? bsearch(&key, t->rows, t->count, sizeof(key), by_pid) : NULL;
}

__u64 tasklist_start(const struct tasklist *t, __u32 pid) {
    const struct ag_task *row = tasklist_find(t, pid);
    return row ? row->id.start : 0;
}
