/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preemption FOLDER SECONDS read|run NAME: four tasks on one CPU that open FOLDER/NAME, or run it, as fast as they can.
 * FOLDER lies deep, so that whoever decides walks far, and is pushed off the CPU in the middle of it by the other
 * three. Prints how many tries were refused; how many led to the file's bytes, or an instruction of the program; how
 * many were killed before that; and how many failed or ended otherwise.
 *
 * What it runs is itself: alone, or as the interpreter of a script.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASKS 4
#define REFUSED 3 /* exit codes */
#define RAN 4

struct counts {
    atomic_ulong refused, passed, killed, odd;
    atomic_bool over;
};

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool was_killed(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void try_to_read(struct counts *counts, const char *name) {
    char byte;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        atomic_fetch_add(errno == EPERM ? &counts->refused : &counts->odd, 1);
    else
        atomic_fetch_add(read(fd, &byte, 1) == 1 ? &counts->passed : &counts->odd, 1);
    if (fd >= 0)
        close(fd);
}

static void try_to_run(struct counts *counts, const char *name) {
    int status = 0;
    pid_t pid = vfork();
    if (pid == 0) {
        execl(name, name, NULL);
        _exit(errno == EPERM ? REFUSED : 1);
    }
    bool ended = pid > 0 && waitpid(pid, &status, 0) == pid;
    int code = ended && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    /* Refused where its code is mapped, a program is past the point where execve could fail. */
    bool refused = code == REFUSED || (ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    atomic_fetch_add(refused                       ? &counts->refused
                     : code == RAN                 ? &counts->passed
                     : ended && was_killed(status) ? &counts->killed
                                                   : &counts->odd,
                     1);
}

static void attack(struct counts *counts, bool runs, const char *name) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    if (sched_setaffinity(0, sizeof(one), &one))
        _exit(1);
    while (!counts->over) {
        if (runs)
            try_to_run(counts, name);
        else
            try_to_read(counts, name);
    }
    _exit(0);
}

static void start(struct counts *counts, bool runs, const char *name) {
    pid_t pid = fork();
    if (pid == 0)
        attack(counts, runs, name);
    counts->odd += pid < 0;
}

/* A task has ended; the next one takes its place. */
static void count_end(struct counts *counts, int status) {
    if (was_killed(status))
        counts->killed++;
    else
        counts->odd += status != 0 || !counts->over;
}

int main(int argc, char **argv) {
    if (argc < 5)
        return RAN;
    struct counts *counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool runs = strcmp(argv[3], "run") == 0;
    int status;
    if (counts == MAP_FAILED || chdir(argv[1]))
        return 2;
    long end = now_ms() + 1000 * atol(argv[2]);
    for (int i = 0; i < TASKS; i++)
        start(counts, runs, argv[4]);
    while (now_ms() < end) {
        usleep(2000);
        while (waitpid(-1, &status, WNOHANG) > 0) {
            count_end(counts, status);
            start(counts, runs, argv[4]);
        }
    }
    counts->over = true;
    while (wait(&status) > 0)
        count_end(counts, status);
    printf("%lu %lu %lu %lu\n", counts->refused, counts->passed, counts->killed, counts->odd);
    return 0;
}
