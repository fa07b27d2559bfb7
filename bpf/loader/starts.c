/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "starts.h"
#include "tasks.skel.h"

#define READ_BYTES (64 << 10)
#define ROWS_MAX (1u << 22) /* PID_MAX_LIMIT */

static bool grow(char **bytes, size_t *cap, size_t used) {
    if (*cap - used >= READ_BYTES)
        return true;
    size_t more = *cap ? 2 * *cap : 2 * READ_BYTES;
    char *grown = more > ROWS_MAX * sizeof(struct ag_task) ? NULL : realloc(*bytes, more);
    if (!grown)
        return false;
    *bytes = grown;
    *cap = more;
    return true;
}

static void read_rows(struct starts *s, int fd) {
    char *bytes = NULL;
    size_t cap = 0, used = 0;
    while (grow(&bytes, &cap, used)) {
        ssize_t n = read(fd, bytes + used, READ_BYTES);
        if (n > 0)
            used += n;
        else if (n == 0 || errno != EAGAIN) /* EAGAIN: the kernel lets others run in between */
            break;
    }
    s->rows = (struct ag_task *)bytes;
    s->count = used / sizeof(*s->rows);
}

static int by_pid(const void *a, const void *b) {
    const struct ag_task *x = a, *y = b;
    return x->pid < y->pid ? -1 : x->pid > y->pid;
}

void starts_read(struct starts *s) {
    *s = (struct starts){0};
    struct tasks_bpf *skel = tasks_bpf__open_and_load();
    struct bpf_link *link = skel ? bpf_program__attach_iter(skel->progs.list_tasks, NULL) : NULL;
    int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
    if (fd >= 0) {
        read_rows(s, fd);
        close(fd);
    }
    bpf_link__destroy(link);
    tasks_bpf__destroy(skel);
    if (s->count)
        qsort(s->rows, s->count, sizeof(*s->rows), by_pid);
}

void starts_free(struct starts *s) {
    free(s->rows);
    *s = (struct starts){0};
}

__u64 starts_find(const struct starts *s, __u32 pid) {
    struct ag_task key = {.pid = pid};
    const struct ag_task *row = s->count ? bsearch(&key, s->rows, s->count, sizeof(key), by_pid) : NULL;
    return row ? row->start : 0;
}
