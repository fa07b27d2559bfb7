/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preemption FOLDER SECONDS: four tasks on one CPU that open FOLDER/secret as fast as they can. FOLDER lies deep, so
 * that whoever decides walks far, and is pushed off the CPU in the middle of it by the other three. Prints how many
 * opens were refused; how many led to the file's bytes; how many tasks were killed before their open came back (the
 * next one then takes its place); and how many opens failed otherwise, or tasks ended otherwise.
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
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASKS 4

struct counts {
    atomic_ulong refused, passed, odd;
    atomic_bool over;
};

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void attack(struct counts *counts) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    if (sched_setaffinity(0, sizeof(one), &one))
        _exit(1);
    while (!counts->over) {
        char byte;
        int fd = open("secret", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            atomic_fetch_add(errno == EPERM ? &counts->refused : &counts->odd, 1);
        else
            atomic_fetch_add(read(fd, &byte, 1) == 1 ? &counts->passed : &counts->odd, 1);
        if (fd >= 0)
            close(fd);
    }
    _exit(0);
}

static void start(struct counts *counts) {
    pid_t pid = fork();
    if (pid == 0)
        attack(counts);
    counts->odd += pid < 0;
}

int main(int argc, char **argv) {
    struct counts *counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long killed = 0;
    int status;
    if (argc != 3 || counts == MAP_FAILED || chdir(argv[1]))
        return 2;
    long end = now_ms() + 1000 * atol(argv[2]);
    for (int i = 0; i < TASKS; i++)
        start(counts);
    while (now_ms() < end) {
        usleep(2000);
        while (waitpid(-1, &status, WNOHANG) > 0) {
            if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
                killed++;
            else
                counts->odd++;
            start(counts);
        }
    }
    counts->over = true;
    while (wait(&status) > 0) {
        bool dead = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        killed += dead;
        counts->odd += !dead && status;
    }
    printf("%lu %lu %lu %lu\n", counts->refused, counts->passed, killed, counts->odd);
    return 0;
}
