/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <linux/perf_event.h>
#include "mounts.h"
#include "tracepoint.h"

/* The number of an event, which only tracefs knows; it need not be mounted. */
static long event_id(const char *section) {
    char path[128], text[32] = "";
    snprintf(path, sizeof(path), "events%s/id", section + strlen("tp"));
    int root = mount_private("tracefs");
    if (root < 0)
        return root;
    int file = openat(root, path, O_RDONLY | O_CLOEXEC);
    long n = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
    long id = n > 0 ? strtol(text, NULL, 10) : -errno;
    if (file >= 0)
        close(file);
    close(root);
    return id;
}

int tracepoint_open(const char *section) {
    long id = event_id(section);
    if (id < 0)
        return id;
    struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .config = id};
    int fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
