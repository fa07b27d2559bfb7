/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks on a CPU where somebody's bpf() call on a map is interrupted. Both parts share CPU 0 and a folder:
 *
 *   held-off calls DIR                 looks through a large map, again and again, until DIR/forked is there; then
 *                                      makes DIR/quiet
 *   held-off crowd DIR WORKERS EACH    each of WORKERS processes makes EACH children. A child becomes `held-off one DIR
 *                                      N FD`. When all are there they make DIR/forked, wait for DIR/quiet, and let the
 *                                      children go on
 *   held-off one DIR N FD              waits for the end of FD, and creates DIR/N
 *
 * The record of the crowd on stdout, one line each, is the oracle:
 *   made N PID   who created DIR/N
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/bpf.h>
#include <unistd.h>

#define BUCKETS (1 << 18) /* all empty, which the kernel goes through in one go */

static void must(long result, const char *what) {
    if (result >= 0)
        return;
    perror(what);
    exit(1);
}

static const char *in(const char *dir, const char *name) {
    static char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void create(const char *dir, const char *name) {
    int fd = open(in(dir, name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    must(fd, name);
    close(fd);
}

static void calls(const char *dir) {
    union bpf_attr map = {.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = BUCKETS};
    map.map_flags = BPF_F_NO_PREALLOC;
    int fd = syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map));
    must(fd, "BPF_MAP_CREATE");
    while (access(in(dir, "forked"), F_OK)) {
        uint32_t next, key, value;
        union bpf_attr look = {0};
        look.batch.map_fd = fd;
        look.batch.out_batch = (uintptr_t)&next;
        look.batch.keys = (uintptr_t)&key;
        look.batch.values = (uintptr_t)&value;
        look.batch.count = 1;
        must(syscall(SYS_bpf, BPF_MAP_LOOKUP_BATCH, &look, sizeof(look)) && errno == ENOENT ? 0 : -1, "LOOKUP_BATCH");
    }
    create(dir, "quiet");
}

static void one(const char *dir, const char *n, int end) {
    char byte, line[64];
    must(read(end, &byte, 1), "read");
    create(dir, n);
    int length = snprintf(line, sizeof(line), "made %s %d\n", n, getpid());
    must(write(STDOUT_FILENO, line, length), "write");
}

static void wait_for_all(void) {
    int status;
    while (wait(&status) > 0)
        must(status ? -1 : 0, "child");
}

static void work(const char *self, const char *dir, int first, int each, int end, int ready) {
    char name[16], fd[16];
    snprintf(fd, sizeof(fd), "%d", end);
    for (int n = first; n < first + each; n++) {
        snprintf(name, sizeof(name), "%d", n);
        pid_t child = fork();
        must(child, "fork");
        if (child)
            continue;
        execl(self, self, "one", dir, name, fd, NULL);
        _exit(127);
    }
    close(ready);
    wait_for_all();
    exit(0);
}

static void crowd(const char *self, const char *dir, int workers, int each) {
    int go[2], ready[2];
    char byte;
    must(pipe2(go, 0), "pipe");
    must(fcntl(go[1], F_SETFD, FD_CLOEXEC), "fcntl");
    must(pipe2(ready, O_CLOEXEC), "pipe");
    for (int i = 0; i < workers; i++) {
        pid_t child = fork();
        must(child, "fork");
        if (child)
            continue;
        close(go[1]);
        work(self, dir, i * each, each, go[0], ready[1]);
    }
    close(ready[1]);
    must(read(ready[0], &byte, 1), "read"); /* its end: all have forked, and their children run the program */
    create(dir, "forked");
    while (access(in(dir, "quiet"), F_OK))
        usleep(50 * 1000);
    close(go[1]);
    wait_for_all();
}

int main(int argc, char **argv) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    must(sched_setaffinity(0, sizeof(first), &first), "sched_setaffinity");
    if (argc == 3 && strcmp(argv[1], "calls") == 0)
        calls(argv[2]);
    else if (argc == 5 && strcmp(argv[1], "one") == 0)
        one(argv[2], argv[3], atoi(argv[4]));
    else if (argc == 5 && strcmp(argv[1], "crowd") == 0)
        crowd(argv[0], argv[2], atoi(argv[3]), atoi(argv[4]));
    else
        return 2;
    return 0;
}
