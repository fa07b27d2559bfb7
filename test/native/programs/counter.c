/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter DIR PROCESSES STEPS: that many processes take turns at random under one lock, and whoever holds it opens the
 * file named by the next number: an even one exists from then on, an odd one is asked for and not there. So the order
 * of the numbers is the order in which the opens happened, and it was never a matter of clocks.
 */
#include "common.h"
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

struct shared {
    pthread_mutex_t lock;
    int next;
};

static void work(struct shared *shared, const char *dir, int steps) {
    for (;;) {
        char path[4096];
        pthread_mutex_lock(&shared->lock);
        int n = shared->next + 1;
        if (n <= steps) {
            shared->next = n;
            snprintf(path, sizeof path, "%s/%d", dir, n);
            int fd =
                n % 2 ? open(path, O_RDONLY | O_CLOEXEC) : open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
            if ((fd < 0) != (n % 2))
                die(path);
            if (fd >= 0)
                close(fd);
        }
        pthread_mutex_unlock(&shared->lock);
        if (n > steps)
            return;
        /* Hand the lock on, else one process would do it all. */
        sched_yield();
    }
}

int main(int argc, char **argv) {
    if (argc != 4)
        die("usage: counter DIR PROCESSES STEPS");
    struct shared *shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap");
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->lock, &attr);
    int processes = atoi(argv[2]);
    for (int i = 0; i < processes; i++) {
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0) {
            work(shared, argv[1], atoi(argv[3]));
            _exit(0);
        }
    }
    for (int i = 0, status; i < processes; i++)
        if (wait(&status) < 0 || status)
            die("a process of the counter failed");
    return 0;
}
