/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <unistd.h>
#include "links.h"

static int fds[LINKS_MAX], count;

int links_add(int fd) {
    if (count == LINKS_MAX) {
        close(fd);
        return -ENOSPC;
    }
    fds[count++] = fd;
    return 0;
}

int links_count(void) {
    return count;
}

int links_fd(int i) {
    return fds[i];
}

void links_drop(int from) {
    while (count > from)
        close(fds[--count]);
}
