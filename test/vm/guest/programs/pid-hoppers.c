/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pid-hoppers CONTROL MARK: five lines of processes of which each lives for a moment, forks the next and ends, all below
 * this one, which reaps what is orphaned. So numbers are used again all the time. Each opens MARK, or MARK.after while
 * the first byte of CONTROL is 1, and counts that in the 64 bits behind the first eight bytes; at 2 all end.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES 5

struct control {
    volatile uint8_t phase;
    uint64_t count;
};

static void hop(struct control *control, const char *mark, const char *after, unsigned seed) {
    for (;;) {
        if (control->phase == 2)
            _exit(0);
        int counted = control->phase == 1;
        int fd = open(counted ? after : mark, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            _exit(1);
        close(fd);
        if (counted)
            __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
        seed = seed * 1103515245 + 12345;
        usleep(seed / 65536 % 2000);
        if (fork() > 0)
            _exit(0);
    }
}

int main(int argc, char **argv) {
    char after[4096];
    int fd = argc == 3 ? open(argv[1], O_RDWR) : -1;
    struct control *control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || control == MAP_FAILED)
        return 1;
    snprintf(after, sizeof(after), "%s.after", argv[2]);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (unsigned i = 0; i < LINES; i++)
        if (fork() == 0)
            hop(control, argv[2], after, getpid());
    puts("running");
    fflush(stdout);
    while (wait(NULL) > 0)
        ;
    return 0;
}
