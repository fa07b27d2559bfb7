/*
 * Processes that push each other off one CPU, in the middle of whatever the kernel does for them: crowd DIR WORKERS EACH.
 *
 * Each of WORKERS processes makes EACH children, one at a time. A child becomes `crowd DIR N`, creates DIR/N, and ends.
 * The record on stdout, one line each, is the oracle:
 *   made N PID   who created DIR/N
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(long result, const char *what) {
    if (result >= 0)
        return;
    perror(what);
    exit(1);
}

static void create(const char *dir, const char *n) {
    char path[4096], line[64];
    snprintf(path, sizeof(path), "%s/%s", dir, n);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    must(fd, path);
    close(fd);
    int length = snprintf(line, sizeof(line), "made %s %d\n", n, getpid());
    must(write(STDOUT_FILENO, line, length), "write");
}

static void wait_for(pid_t pid) {
    int status;
    must(waitpid(pid, &status, 0), "waitpid");
    if (status)
        exit(1);
}

static void work(const char *self, const char *dir, int first, int each) {
    for (int n = first; n < first + each; n++) {
        pid_t child = fork();
        must(child, "fork");
        if (!child) {
            char name[16];
            snprintf(name, sizeof(name), "%d", n);
            execl(self, self, dir, name, NULL);
            _exit(127);
        }
        wait_for(child);
    }
    exit(0);
}

int main(int argc, char **argv) {
    if (argc == 3) {
        create(argv[1], argv[2]);
        return 0;
    }
    int workers = argc == 4 ? atoi(argv[2]) : 0, each = workers ? atoi(argv[3]) : 0;
    pid_t pids[64];
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    must(workers > 0 && workers <= 64 && each > 0 ? 0 : -1, "usage: crowd DIR WORKERS EACH");
    must(sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
    for (int i = 0; i < workers; i++) {
        pids[i] = fork();
        must(pids[i], "fork");
        if (!pids[i])
            work(argv[0], argv[1], i * each, each);
    }
    for (int i = 0; i < workers; i++)
        wait_for(pids[i]);
    return 0;
}
