/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens of distinct files at a given rate, and its own count of them: the oracle of the flood row.
 *
 * usage: flood make DIR FILES
 *        flood run DIR FILES PROCESSES RATE REPORT LEAVE
 *
 * `make` creates DIR/<n / 1000>/<n> for n in 0..FILES-1. `run` opens each of them exactly once, split evenly between
 * PROCESSES, at RATE opens a second altogether (0: as fast as they can), writes {"opened", "failed", "wall_ns"} to
 * REPORT and then sleeps until LEAVE exists, so that a monitor can be looked at while its tree still lives.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PER_FOLDER 1000

struct share {
    long opened, failed;
    char pad[48]; /* a cache line each: the counters must not slow the flood down */
};

static void fail(const char *what) {
    fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_ns(long ns) {
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&t, NULL);
}

static void name(char *out, size_t size, long n) {
    snprintf(out, size, "%04ld/%07ld", n / PER_FOLDER, n);
}

static void make(long files) {
    char path[64];
    for (long n = 0; n < files; n++) {
        if (n % PER_FOLDER == 0) {
            snprintf(path, sizeof(path), "%04ld", n / PER_FOLDER);
            if (mkdir(path, 0755))
                fail(path);
        }
        name(path, sizeof(path), n);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (fd < 0)
            fail(path);
        close(fd);
    }
}

static void open_range(long from, long to, double rate, struct share *share) {
    char path[64];
    int64_t begin = now_ns();
    for (long n = from; n < to; n++) {
        /* Steps of a millisecond: to sleep before every single open would never reach the rate. */
        while (rate > 0 && n - from > (now_ns() - begin) * rate / 1e9)
            sleep_ns(1000000);
        name(path, sizeof(path), n);
        int fd = open(path, O_RDONLY);
        if (fd < 0) {
            share->failed++;
            continue;
        }
        close(fd);
        share->opened++;
    }
}

static void run(long files, int processes, double rate, const char *report, const char *leave) {
    struct share *shares =
        mmap(NULL, processes * sizeof(*shares), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shares == MAP_FAILED)
        fail("mmap");
    int64_t begin = now_ns();
    for (int p = 0; p < processes; p++) {
        pid_t child = fork();
        if (child < 0)
            fail("fork");
        if (!child) {
            open_range(files * p / processes, files * (p + 1) / processes, rate / processes, &shares[p]);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    int64_t wall = now_ns() - begin;
    long opened = 0, failed = 0;
    for (int p = 0; p < processes; p++) {
        opened += shares[p].opened;
        failed += shares[p].failed;
    }
    char part[4096];
    snprintf(part, sizeof(part), "%s.part", report);
    FILE *out = fopen(part, "we");
    if (!out)
        fail(part);
    fprintf(out, "{\"opened\": %ld, \"failed\": %ld, \"wall_ns\": %lld}\n", opened, failed, (long long)wall);
    if (fclose(out) || rename(part, report))
        fail(report);
    while (access(leave, F_OK))
        sleep_ns(50000000);
}

int main(int argc, char **argv) {
    if (argc >= 4 && chdir(argv[2]))
        fail(argv[2]);
    if (argc == 4 && !strcmp(argv[1], "make"))
        make(atol(argv[3]));
    else if (argc == 8 && !strcmp(argv[1], "run") && atol(argv[3]) > 0 && atoi(argv[4]) > 0)
        run(atol(argv[3]), atoi(argv[4]), atof(argv[5]), argv[6], argv[7]);
    else {
        fprintf(stderr, "usage: flood make DIR FILES | flood run DIR FILES PROCESSES RATE REPORT LEAVE\n");
        return 2;
    }
    return 0;
}
