/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept SECRET STOP COUNTS: opens SECRET fifty times a second until STOP exists, from a process that goes on in its
 * child again and again while it is refused, and from children that live for one try. COUNTS is mapped: how often that
 * was refused, how often it succeeded, how often it failed otherwise, and who tries (64 bits each).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REFUSED, PASSED, ODD, WHO, COUNTS };

static volatile uint64_t *counts;

static int try(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int what = fd >= 0 ? PASSED : errno == EPERM ? REFUSED : ODD;
    if (fd >= 0)
        close(fd);
    __atomic_add_fetch(&counts[what], 1, __ATOMIC_SEQ_CST);
    return what;
}

static void walk(const char *secret, const char *stop) {
    for (int turn = 1; access(stop, F_OK); turn++) {
        counts[WHO] = getpid();
        int what = try(secret);
        if (turn % 16 == 0 && fork() == 0) {
            try(secret);
            _exit(0);
        }
        if (what == REFUSED && turn % 64 == 0 && fork() > 0)
            _exit(0);
        usleep(20000);
    }
}

int main(int argc, char **argv) {
    int fd = argc == 4 ? open(argv[3], O_RDWR | O_CREAT, 0600) : -1;
    if (fd < 0 || ftruncate(fd, COUNTS * sizeof(*counts)))
        return 2;
    counts = mmap(NULL, COUNTS * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counts == MAP_FAILED)
        return 2;
    if (fork() == 0) {
        walk(argv[1], argv[2]);
        return 0;
    }
    while (access(argv[2], F_OK)) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        usleep(20000);
    }
    return 0;
}
