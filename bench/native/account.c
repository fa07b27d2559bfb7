/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command and all its descendants cost in CPU time.
 *
 * usage: account --report FILE [--join CGROUP_PROCS] -- CMD ARGS...
 *
 * FILE becomes one JSON object: status (128+n for a signal), self_ns (CPU of the command's own process, without its
 * children), tree_us (with every descendant that has been waited for), wall_ns, max_rss_kb (of the largest process).
 * Exits with the status. With --join it enters that control group first, so that whoever reads the group's counter
 * also sees descendants that nobody waited for, and so that a monitor and its workload can be told apart though one
 * started the other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "account: %s: %s\n", what, strerror(errno));
    exit(125);
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t))
        fail("clock_gettime");
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void join_group(const char *procs) {
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        fail(procs);
    close(fd);
}

int main(int argc, char **argv) {
    const char *report = NULL, *procs = NULL;
    int i = 1;
    for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
        if (!strcmp(argv[i], "--report"))
            report = argv[i + 1];
        else if (!strcmp(argv[i], "--join"))
            procs = argv[i + 1];
    }
    if (!report || i + 1 >= argc || strcmp(argv[i], "--")) {
        fprintf(stderr, "usage: account --report FILE [--join CGROUP_PROCS] -- CMD ARGS...\n");
        return 125;
    }
    if (procs)
        join_group(procs);
    /* Orphans come here and are waited for: a monitor whose helper outlives it must not look cheaper for that. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        fail("prctl");

    int64_t begin = nanoseconds(CLOCK_MONOTONIC);
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (!child) {
        execvp(argv[i + 1], argv + i + 1);
        fail(argv[i + 1]);
    }

    /* A process that has ended but has not been reaped still has its CPU clock: the one exact figure of it alone. */
    siginfo_t ended;
    while (waitid(P_PID, child, &ended, WEXITED | WNOWAIT))
        if (errno != EINTR)
            fail("waitid");
    int64_t wall = nanoseconds(CLOCK_MONOTONIC) - begin;
    clockid_t clock;
    if ((errno = clock_getcpuclockid(child, &clock)))
        fail("clock_getcpuclockid");
    int64_t self = nanoseconds(clock);

    int status;
    if (waitpid(child, &status, 0) != child)
        fail("waitpid");
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    struct rusage tree;
    getrusage(RUSAGE_CHILDREN, &tree);
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

    FILE *out = fopen(report, "we");
    if (!out)
        fail(report);
    fprintf(out, "{\"status\": %d, \"self_ns\": %lld, \"tree_us\": %lld, \"wall_ns\": %lld, \"max_rss_kb\": %ld}\n",
            code, (long long)self,
            (long long)(tree.ru_utime.tv_sec + tree.ru_stime.tv_sec) * 1000000 + tree.ru_utime.tv_usec +
                tree.ru_stime.tv_usec,
            (long long)wall, tree.ru_maxrss);
    if (fclose(out))
        fail(report);
    return code;
}
