/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood make DIR PROCESSES OPENS                      creates the files DIR/PROCESS/N
 * flood open RECORD DIR PROCESSES OPENS ROUNDS RATE   PROCESSES children open their OPENS files, ROUNDS times each, all
 * at once, at RATE opens a second in all (0 = as fast as they can)
 *
 * Records "opens PID COUNT" for every process, the root included, with all the opens that it did, and "took NS" for the
 * slowest child. Linked statically: nothing else in the tree opens anything.
 */
#include "common.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct gate {
    atomic_int waiting;
    _Atomic uint64_t slowest_ns;
};

static void make(const char *dir, int processes, int opens) {
    char path[4096];
    for (int p = 0; p < processes; p++) {
        snprintf(path, sizeof path, "%s/%d", dir, p);
        if (mkdir(path, 0755))
            die(path);
        for (int n = 0; n < opens; n++) {
            snprintf(path, sizeof path, "%s/%d/%d", dir, p, n);
            int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
            if (fd < 0)
                die(path);
            close(fd);
        }
    }
}

static void flood(struct gate *gate, const char *dir, int p, int processes, long opens, int rounds, double rate) {
    atomic_fetch_add(&gate->waiting, 1);
    while (atomic_load(&gate->waiting) < processes)
        usleep(100);
    uint64_t begin = boot_ns();
    long done = 0;
    for (int round = 0; round < rounds; round++)
        for (long n = 0; n < opens; n++) {
            char path[4096];
            while (rate > 0 && (boot_ns() - begin) * 1e-9 * rate / processes < done)
                usleep(100);
            snprintf(path, sizeof path, "%s/%d/%ld", dir, p, n);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            if (fd < 0)
                die(path);
            close(fd);
            done++;
        }
    uint64_t took = boot_ns() - begin, slowest = atomic_load(&gate->slowest_ns);
    while (took > slowest && !atomic_compare_exchange_weak(&gate->slowest_ns, &slowest, took))
        ;
    record("opens %d %ld", getpid(), done);
}

int main(int argc, char **argv) {
    if (argc == 5 && !strcmp(argv[1], "make")) {
        make(argv[2], atoi(argv[3]), atoi(argv[4]));
        return 0;
    }
    if (argc != 8 || strcmp(argv[1], "open"))
        die("usage: flood make|open ...");
    record_to(argv[2]);
    struct gate *gate = mmap(0, sizeof *gate, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (gate == MAP_FAILED)
        die("mmap");
    int processes = atoi(argv[4]);
    for (int p = 0; p < processes; p++) {
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0) {
            flood(gate, argv[3], p, processes, atol(argv[5]), atoi(argv[6]), atof(argv[7]));
            _exit(0);
        }
    }
    for (int p = 0, status; p < processes; p++)
        if (wait(&status) < 0 || status)
            die("a process of the flood failed");
    record("opens %d 1", getpid());
    record("took %lu", (unsigned long)atomic_load(&gate->slowest_ns));
    return 0;
}
