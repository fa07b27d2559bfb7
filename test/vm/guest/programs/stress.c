/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stress agent SECRET FOLDER COUNTS: until its phase is over, two lines of processes open the files of FOLDER and
 * SECRET between them, each process for a while; and a fork bomb, whose every process opens SECRET once, goes off again
 * and again. In a storm they are as fast as they can, and the bomb takes all numbers that there are for processes; in
 * the phases before that all rest between two steps, and the bomb is a small one.
 *
 * stress stranger SECRET COUNTS: processes that each open SECRET once, and are nobody's.
 *
 * COUNTS is mapped, 64 bits each: the phase, which others write, and what has been counted (enum place).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum place { PHASE, REFUSED, PASSED, ODD, OPENS, BORN, FULL, STRANGE_REFUSED, STRANGE_PASSED, PLACES };
enum phase { CALM, BUSY, STORM, OVER };

#define LINES 2
#define FILES 100
#define ROUNDS 20 /* over all files, of one process */
#define SMALL_BOMB 20
#define CALM_US 20000
#define BUSY_US 2000

static volatile uint64_t *counts;

static void count(enum place place, uint64_t more) {
    __atomic_add_fetch(&counts[place], more, __ATOMIC_SEQ_CST);
}

static void rest(void) {
    uint64_t phase = counts[PHASE];
    if (phase < STORM)
        usleep(phase == CALM ? CALM_US : BUSY_US);
}

static void try(const char *secret, enum place refused, enum place passed) {
    int fd = open(secret, O_RDONLY | O_CLOEXEC);
    count(fd >= 0 ? passed : errno == EPERM ? refused : ODD, 1);
    if (fd >= 0)
        close(fd);
}

static void open_all(const char *secret, const char *folder) {
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < FILES && counts[PHASE] != OVER; i++) {
            rest();
            char path[4096];
            snprintf(path, sizeof(path), "%s/%d", folder, i);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            count(fd >= 0 ? OPENS : ODD, 1);
            close(fd);
            if (i % 10 == 0)
                try(secret, REFUSED, PASSED);
        }
    }
}

static void wait_for(int children) {
    while (children-- > 0)
        waitpid(-1, NULL, 0);
}

static void line(const char *secret, const char *folder) {
    while (counts[PHASE] != OVER) {
        pid_t pid = fork();
        if (pid == 0) {
            open_all(secret, folder);
            _exit(0);
        }
        if (pid < 0)
            usleep(1000); /* the bomb has all numbers */
        else
            wait_for(1);
    }
}

static void bomb(const char *secret) {
    while (counts[PHASE] != OVER) {
        int ends[2], born = 0;
        pid_t pid = 0;
        if (pipe(ends))
            _exit(1);
        for (; counts[PHASE] == STORM || born < SMALL_BOMB; born++) {
            rest();
            pid = fork();
            if (pid == 0) {
                char byte;
                close(ends[1]);
                try(secret, REFUSED, PASSED);
                _exit(read(ends[0], &byte, 1) != 0); /* until all are there */
            }
            if (pid < 0)
                break;
        }
        count(FULL, pid < 0);
        count(BORN, born);
        close(ends[0]);
        close(ends[1]);
        wait_for(born);
    }
}

static void stranger(const char *secret) {
    while (counts[PHASE] != OVER) {
        if (fork() == 0) {
            try(secret, STRANGE_REFUSED, STRANGE_PASSED);
            _exit(0);
        }
        wait_for(1);
        usleep(2000);
    }
}

int main(int argc, char **argv) {
    int fd = argc >= 4 ? open(argv[argc - 1], O_RDWR) : -1;
    counts = mmap(NULL, PLACES * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || counts == MAP_FAILED)
        return 2;
    (void)!nice(10); /* where all is emulated, who watches has to be faster than those who are watched */
    if (strcmp(argv[1], "stranger") == 0) {
        stranger(argv[2]);
        return 0;
    }
    for (int i = 0; i <= LINES; i++) {
        if (fork())
            continue;
        if (i < LINES)
            line(argv[2], argv[3]);
        else
            bomb(argv[2]);
        return 0;
    }
    wait_for(LINES + 1);
    return 0;
}
