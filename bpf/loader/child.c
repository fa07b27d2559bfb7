/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>
#include "child.h"

pid_t child_start(int (*work)(const void *arg), const void *arg, int *go) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        close(fds[1]);
        _exit(read(fds[0], &byte, 1) == 1 ? work(arg) : CHILD_UNTOLD);
    }
    close(fds[0]);
    *go = fds[1];
    return pid;
}
