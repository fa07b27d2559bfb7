/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the helper programs of the native tests share: one way to fail, and one way to leave a record of their own
 * doing. The record is the oracle: a test compares it with the log and never asks agentgov what should be in there.
 */
#ifndef AGENTGOV_TEST_COMMON_H
#define AGENTGOV_TEST_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A fixed number, so that it is still known after an exec. */
#define RECORD_FD 100

/* No exit code of any test's subject. */
#define HELPER_FAILED 120

__attribute__((noreturn, unused)) static void die(const char *what) {
    fprintf(stderr, "helper: %s: %s\n", what, strerror(errno));
    _exit(HELPER_FAILED);
}

/* Opens the record, for this process and all that it becomes or starts. */
__attribute__((unused)) static void record_to(const char *path) {
    int fd = open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0 || dup2(fd, RECORD_FD) < 0)
        die(path);
    close(fd);
}

/* One line is one append: many processes may write at once. No stdio and no heap, so it also works after vfork. */
__attribute__((unused, format(printf, 1, 2))) static void record(const char *format, ...) {
    char line[8192];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (size < 0 || size >= (int)sizeof line - 1)
        _exit(HELPER_FAILED);
    line[size++] = '\n';
    if (write(RECORD_FD, line, size) != size)
        die("record");
}

/* Nanoseconds of the clock that agentgov stamps events with. */
__attribute__((unused)) static uint64_t boot_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* The pid outside any pid namespace of our own: /proc is still the host's. */
__attribute__((unused)) static pid_t host_pid(void) {
    char text[32];
    ssize_t size = readlink("/proc/self", text, sizeof text - 1);
    if (size <= 0)
        die("/proc/self");
    text[size] = 0;
    return atoi(text);
}

/* When this process was started, in clock ticks since boot (field 22 of /proc/PID/stat). */
__attribute__((unused)) static long start_ticks(void) {
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (size <= 0)
        die("/proc/self/stat");
    close(fd);
    text[size] = 0;
    /* comm may hold anything, so count the fields from its closing bracket. */
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        die("fields of /proc/self/stat");
    return atol(at + 1);
}

#endif
