/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <linux/types.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "members.h"

_Static_assert(AG_MEMBER_ROW *AG_MEMBER_ROWS == MEMBERS_MAX, "a byte for every tgid");

int members_map(struct members *m, int map) {
    void *bytes = mmap(NULL, MEMBERS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    m->bytes = bytes;
    return 0;
}

void members_unmap(struct members *m) {
    if (m->bytes)
        munmap((void *)m->bytes, MEMBERS_MAX);
    m->bytes = NULL;
}

void members_mark(struct members *m, uint32_t pid) {
    if (pid > 0 && pid < MEMBERS_MAX)
        __atomic_store_n(&m->bytes[pid], m->agent, __ATOMIC_SEQ_CST);
}

static bool change(struct members *m, uint32_t pid, uint8_t from, uint8_t to) {
    return __atomic_compare_exchange_n(&m->bytes[pid], &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

bool members_give(struct members *m, uint32_t pid, uint8_t to) {
    return pid > 0 && pid < MEMBERS_MAX && change(m, pid, m->agent, to);
}

void members_claim(struct members *m, uint32_t pid) {
    if (pid > 0 && pid < MEMBERS_MAX)
        change(m, pid, AG_NOBODY, AG_CLAIMED | m->agent);
}

bool members_settle(struct members *m, uint32_t pid, bool member) {
    return pid > 0 && pid < MEMBERS_MAX && change(m, pid, AG_CLAIMED | m->agent, member ? m->agent : AG_NOBODY);
}

#define GLANCE 64 /* bytes, of which eight words are read without a branch between them */

static bool is_blank(const volatile uint8_t *bytes) {
    const volatile uint64_t *words = (const volatile uint64_t *)bytes;
    return !(words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7]);
}

/* The first from `pid` on that is somebody's, or is claimed; MEMBERS_MAX when there is none. Of four million bytes
 * nearly all are 0, and a session looks through them a dozen times. */
static uint32_t next_marked(const struct members *m, uint32_t pid) {
    while (pid < MEMBERS_MAX && m->bytes[pid] == 0) {
        pid++;
        while (pid % GLANCE == 0 && pid < MEMBERS_MAX && is_blank(&m->bytes[pid]))
            pid += GLANCE;
    }
    return pid;
}

static void drop_claims(struct members *m) {
    for (uint32_t pid = next_marked(m, 0); pid < MEMBERS_MAX; pid = next_marked(m, pid + 1))
        members_settle(m, pid, false);
}

/* A fork that had read its parent's byte before it was changed writes the child's afterwards: hence until all is quiet.
 */
void members_give_all(struct members *m, uint8_t to) {
    bool found = m->agent != AG_NOBODY;
    if (found)
        drop_claims(m);
    while (found) {
        found = false;
        for (uint32_t pid = members_next(m, 1); pid; pid = members_next(m, pid + 1))
            found |= members_give(m, pid, to);
        members_barrier();
    }
}

uint32_t members_next(const struct members *m, uint32_t pid) {
    for (pid = next_marked(m, pid); pid < MEMBERS_MAX; pid = next_marked(m, pid + 1))
        if (members_has(m, pid))
            return pid;
    return 0;
}

size_t members_count(const struct members *m) {
    size_t n = 0;
    for (uint32_t pid = members_next(m, 1); pid; pid = members_next(m, pid + 1))
        n++;
    return n;
}

/*
 * Tracepoint programs run under RCU, and MEMBARRIER_CMD_GLOBAL is a synchronize_rcu() (kernel/sched/membarrier.c).
 * Where it is refused (nohz_full), a pause that is long beside a program of some microseconds.
 */
void members_barrier(void) {
    if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
        return;
    struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&pause, NULL);
}
