/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "pidns.h"
#include "procfs.h"
#include "tasklist.h"
#include "tasks.skel.h"

#define ROWS_MAX (1u << 22) /* PID_MAX_LIMIT */
#define READ_ROWS 4096

void tasklist_open(struct tasklist *t) {
    *t = (struct tasklist){.skel = tasks_bpf__open()};
    if (t->skel)
        pidns_tell(t->skel);
    if (t->skel && tasks_bpf__load(t->skel)) {
        tasks_bpf__destroy(t->skel);
        t->skel = NULL;
    }
    t->link = t->skel ? bpf_program__attach_iter(t->skel->progs.list_tasks, NULL) : NULL;
}

void tasklist_close(struct tasklist *t) {
    bpf_link__destroy(t->link);
    tasks_bpf__destroy(t->skel);
    free(t->rows);
    *t = (struct tasklist){0};
}

static bool grow(struct tasklist *t, size_t more) {
    if (t->cap - t->count >= more)
        return true;
    size_t cap = 2 * t->cap + more;
    struct ag_task *rows = cap > 2 * ROWS_MAX ? NULL : realloc(t->rows, cap * sizeof(*rows));
    if (!rows)
        return false;
    t->rows = rows;
    t->cap = cap;
    return true;
}

/* The kernel writes whole rows, but cuts where its buffer ends. */
static int read_rows(struct tasklist *t, int fd) {
    size_t used = 0;
    for (;;) {
        t->count = used / sizeof(*t->rows);
        if (!grow(t, READ_ROWS + 1))
            return -ENOMEM;
        ssize_t n = read(fd, (char *)t->rows + used, READ_ROWS * sizeof(*t->rows));
        if (n == 0)
            return 0;
        if (n > 0)
            used += n;
        else if (errno != EAGAIN && errno != EINTR) /* EAGAIN: the kernel lets others run in between */
            return -errno;
    }
}

static bool add_from_proc(uint32_t pid, void *arg) {
    struct tasklist *t = arg;
    struct proc_stat stat;
    if (!proc_stat_read(pid, &stat))
        return true;
    if (!grow(t, 1))
        return false;
    t->rows[t->count++] = (struct ag_task){.pid = pid, .ppid = stat.ppid};
    return true;
}

static int by_pid(const void *a, const void *b) {
    const struct ag_task *x = a, *y = b;
    return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int tasklist_read(struct tasklist *t) {
    int fd = t->link ? bpf_iter_create(bpf_link__fd(t->link)) : -1, err = 0;
    t->count = 0;
    if (fd >= 0) {
        err = read_rows(t, fd);
        close(fd);
    } else if (proc_each(add_from_proc, t) < 0) {
        err = -errno;
    }
    if (t->count)
        qsort(t->rows, t->count, sizeof(*t->rows), by_pid);
    return err;
}

__u64 tasklist_start(const struct tasklist *t, __u32 pid) {
    struct ag_task key = {.pid = pid};
    const struct ag_task *row = t->count ? bsearch(&key, t->rows, t->count, sizeof(key), by_pid) : NULL;
    return row ? row->start : 0;
}
