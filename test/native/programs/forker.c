/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forker SHARED DIR SLOTS: a thread forks in a tight loop, until the first byte of SHARED is not 0 or the slots are
 * used up. SHARED is a file that all of them map; it holds 64 bytes of control and then one struct slot per process:
 *
 *   quick   opens DIR/SLOT and ends
 *   slow    sleeps up to 400 ms before its open, so that it is alive across an attach
 *   orphan  is the child of a slow one's place-holder that ends at once: its parent is gone before it opens
 *
 * Prints "ready" when the loop is about to begin.
 */
#include "common.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum kind { QUICK = 1, SLOW, PLACEHOLDER, ORPHAN };

struct slot {
    uint32_t pid, ppid, kind;
    int32_t opened; /* errno of the open, 0 = done, -1 = not yet */
    uint64_t start_ticks;
    uint64_t born_ns, before_ns, after_ns; /* CLOCK_BOOTTIME: first instruction, around the open */
};
_Static_assert(sizeof(struct slot) == 48, "read by attach.test.ts");

struct shared {
    atomic_uchar stop;
    unsigned char pad[3];
    atomic_uint used; /* slots handed out */
    atomic_int alive; /* descendants that have not ended yet */
    unsigned char rest[52];
    struct slot slots[];
};
_Static_assert(sizeof(struct shared) == 64, "read by attach.test.ts");

#define ALIVE_MAX 300

static struct shared *shared;
static unsigned limit;
static const char *dir;

static struct slot *take(enum kind kind, pid_t parent) {
    unsigned index = atomic_fetch_add(&shared->used, 1);
    if (index >= limit)
        return 0;
    struct slot *slot = &shared->slots[index];
    slot->born_ns = boot_ns();
    slot->kind = kind;
    slot->ppid = parent;
    slot->pid = getpid();
    slot->opened = -1;
    return slot;
}

static void open_own(struct slot *slot) {
    char path[4096];
    slot->start_ticks = start_ticks();
    snprintf(path, sizeof path, "%s/%d", dir, (int)(slot - shared->slots));
    slot->before_ns = boot_ns();
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    slot->after_ns = boot_ns();
    slot->opened = fd < 0 ? errno : 0;
}

__attribute__((noreturn)) static void end(void) {
    atomic_fetch_sub(&shared->alive, 1);
    _exit(0);
}

static pid_t fork_counted(void) {
    atomic_fetch_add(&shared->alive, 1);
    pid_t child = fork();
    if (child < 0)
        die("fork");
    return child;
}

static void live(enum kind kind, pid_t parent) {
    struct slot *slot = take(kind, parent);
    if (!slot)
        end();
    if (kind == PLACEHOLDER) {
        pid_t self = getpid();
        if (fork_counted() == 0) {
            struct slot *own = take(ORPHAN, self);
            if (!own)
                end();
            usleep(own->born_ns / 1000 % 200000);
            open_own(own);
            end();
        }
    }
    if (kind == SLOW)
        usleep(slot->born_ns / 1000 % 400000);
    open_own(slot);
    end();
}

static void *fork_loop(void *unused) {
    pid_t self = getpid();
    for (unsigned i = 0; !atomic_load(&shared->stop) && atomic_load(&shared->used) < limit; i++) {
        while (atomic_load(&shared->alive) >= ALIVE_MAX)
            sched_yield();
        if (fork_counted() == 0)
            live(i % 16 == 3 ? SLOW : i % 16 == 9 ? PLACEHOLDER : QUICK, self);
    }
    return unused;
}

int main(int argc, char **argv) {
    if (argc != 4)
        die("usage: forker SHARED DIR SLOTS");
    dir = argv[2];
    limit = atoi(argv[3]);
    size_t size = sizeof(struct shared) + limit * sizeof(struct slot);
    int fd = open(argv[1], O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, size))
        die(argv[1]);
    shared = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        die("mmap");
    signal(SIGCHLD, SIG_IGN);
    if (write(1, "ready\n", 6) != 6)
        die("ready");
    pthread_t thread;
    if (pthread_create(&thread, 0, fork_loop, 0))
        die("pthread_create");
    pthread_join(thread, 0);
    while (atomic_load(&shared->alive) > 0)
        usleep(1000);
    return 0;
}
