/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "iter.h"

#define STEP 65536u
#define SIZE_MAX_ROWS (1u << 30) /* a full machine's tasks, several times */

static int grow(struct iter_rows *rows) {
    size_t cap = 2 * rows->cap + STEP;
    char *bytes = cap > SIZE_MAX_ROWS ? NULL : realloc(rows->bytes, cap);
    if (!bytes)
        return -ENOMEM;
    rows->bytes = bytes;
    rows->cap = cap;
    return 0;
}

/* The kernel writes whole rows, but cuts where its buffer ends. */
static int read_all(int fd, struct iter_rows *out) {
    out->size = 0;
    for (;;) {
        if (out->cap - out->size < STEP && grow(out))
            return -ENOMEM;
        ssize_t n = read(fd, (char *)out->bytes + out->size, out->cap - out->size);
        if (n == 0)
            return 0;
        if (n > 0)
            out->size += n;
        else if (errno != EAGAIN && errno != EINTR) /* EAGAIN: the kernel lets others run in between */
            return -errno;
    }
}

int iter_run(int program, struct iter_rows *out) {
    int link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
    if (link < 0)
        return -errno;
    int fd = bpf_iter_create(link), err = fd < 0 ? -errno : read_all(fd, out);
    if (fd >= 0)
        close(fd);
    close(link);
    return err;
}

void iter_free(struct iter_rows *rows) {
    free(rows->bytes);
    memset(rows, 0, sizeof(*rows));
}
