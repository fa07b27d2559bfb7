/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "procfs.h"

ssize_t proc_read(uint32_t pid, const char *name, char *out, size_t cap) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t len = 0;
    ssize_t n = 0;
    while (len < cap && (n = read(fd, out + len, cap - len)) > 0)
        len += n;
    int err = errno;
    close(fd);
    errno = err;
    return n < 0 ? -1 : (ssize_t)len;
}

ssize_t proc_link(uint32_t pid, const char *name, char *out, size_t cap) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
    return readlink(path, out, cap);
}

bool proc_is_like_us(uint32_t pid) {
    char path[64];
    struct stat own, other;
    snprintf(path, sizeof(path), "/proc/%u/exe", pid);
    return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 && own.st_dev == other.st_dev &&
           own.st_ino == other.st_ino;
}

bool proc_stat_read(uint32_t pid, struct proc_stat *out) {
    char text[1024];
    ssize_t n = proc_read(pid, "stat", text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    /* The name stands in parentheses and may hold anything, parentheses too: the last one closes it. */
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    unsigned long long start;
    int ppid;
    if (!open || !close || close < open ||
        sscanf(close + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ppid,
               &start) != 2)
        return false;
    *out = (struct proc_stat){.ppid = ppid, .start_ticks = start};
    size_t len = close - open - 1;
    memcpy(out->comm, open + 1, len < sizeof(out->comm) - 1 ? len : sizeof(out->comm) - 1);
    return true;
}

/* The last number of the line "KEY:\t1\t2\t3", the first one with `first`. */
static bool status_number(const char *text, const char *key, bool first, uint32_t *out) {
    const char *at = strstr(text, key);
    if (!at)
        return false;
    at += strlen(key);
    bool any = false;
    while (*at == ' ' || *at == '\t') {
        char *end;
        unsigned long n = strtoul(at, &end, 10);
        if (end == at)
            break;
        *out = n;
        any = true;
        if (first)
            break;
        at = end;
    }
    return any;
}

bool proc_status_read(uint32_t pid, struct proc_status *out) {
    char text[4096];
    ssize_t n = proc_read(pid, "status", text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    /* The name comes first and the kernel escapes line ends in it: a "\nKey:" is a key. */
    return status_number(text, "\nTgid:", true, &out->tgid) && status_number(text, "\nUid:", true, &out->uid) &&
           status_number(text, "\nGid:", true, &out->gid) && status_number(text, "\nNSpid:", false, &out->inner);
}

static uint64_t tick_ns(void) {
    return NS_PER_SEC / sysconf(_SC_CLK_TCK);
}

uint64_t proc_start(const struct proc_stat *stat) {
    return stat->start_ticks * tick_ns();
}

bool proc_same_start(uint64_t a, uint64_t b) {
    return a / tick_ns() == b / tick_ns();
}

bool proc_container(uint32_t pid, char id[64]) {
    char text[4096];
    ssize_t n = proc_read(pid, "cgroup", text, sizeof(text));
    for (ssize_t i = 0, run = 0; i < n; i++) {
        run = isxdigit((unsigned char)text[i]) ? run + 1 : 0;
        if (run == 64 && (i + 1 == n || !isxdigit((unsigned char)text[i + 1]))) {
            memcpy(id, text + i - 63, 64);
            return true;
        }
    }
    return false;
}
