/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a system call costs this process, in nanoseconds of its own CPU time.
 *
 * usage: syscalls FILE CHUNKS CALLS
 *
 * Prints {"null_ns": [...], "open_close_ns": [...]}: per chunk, the mean of CALLS null system calls and of CALLS / 4
 * opens and closes of FILE. Chunks of the two alternate, so that a slow moment of the machine hits both.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHUNKS_MAX 1000

static double cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static void print(const char *name, const double *values, int n, const char *end) {
    printf("\"%s\": [", name);
    for (int i = 0; i < n; i++)
        printf("%s%.2f", i ? ", " : "", values[i]);
    printf("]%s", end);
}

int main(int argc, char **argv) {
    static double null_ns[CHUNKS_MAX], open_close_ns[CHUNKS_MAX];
    int chunks = argc == 4 ? atoi(argv[2]) : 0;
    long calls = argc == 4 ? atol(argv[3]) : 0;
    if (chunks < 1 || chunks > CHUNKS_MAX || calls < 4) {
        fprintf(stderr, "usage: syscalls FILE CHUNKS CALLS\n");
        return 2;
    }
    /* One CPU for the whole run: a migration in a chunk costs more than what is measured. */
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET(sched_getcpu(), &cpu);
    sched_setaffinity(0, sizeof(cpu), &cpu);

    for (int i = 0; i < chunks; i++) {
        double begin = cpu_ns();
        for (long n = 0; n < calls; n++)
            syscall(SYS_getppid);
        null_ns[i] = (cpu_ns() - begin) / calls;

        begin = cpu_ns();
        for (long n = 0; n < calls / 4; n++) {
            int fd = open(argv[1], O_RDONLY);
            if (fd < 0) {
                perror(argv[1]);
                return 1;
            }
            close(fd);
        }
        open_close_ns[i] = (cpu_ns() - begin) / (calls / 4);
    }
    printf("{");
    print("null_ns", null_ns, chunks, ", ");
    print("open_close_ns", open_close_ns, chunks, "}\n");
    return 0;
}
