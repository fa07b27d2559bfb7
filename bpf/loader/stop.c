/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "clock.h"
#include "stop.h"

#define FREEZE_NS (2 * NS_PER_SEC) /* then kill whoever still comes up */
#define STOP_NS (10 * NS_PER_SEC)
#define QUIET_PASSES 3

bool stop_begin(struct stop *s, int64_t id, uint64_t now) {
    *s = (struct stop){.active = true, .id = id, .freeze_until = now + FREEZE_NS, .deadline = now + STOP_NS};
    s->frozen = calloc(1, MEMBERS_MAX / 8);
    s->dead = calloc(1, MEMBERS_MAX / 8);
    if (s->frozen && s->dead)
        return true;
    stop_end(s);
    return false;
}

void stop_end(struct stop *s) {
    free(s->frozen);
    free(s->dead);
    s->frozen = s->dead = NULL;
    s->active = false;
}

/* True the first time for a pid. */
static bool first_time(uint8_t *bits, uint32_t pid) {
    bool first = !(bits[pid / 8] >> pid % 8 & 1);
    bits[pid / 8] |= 1 << pid % 8;
    return first;
}

/*
 * A pid alone may belong to somebody else by now. The pidfd holds on to one process; if its number is still marked
 * after that, it is a member: the mark goes with the process's exit, before the number can be given away.
 */
static bool send_to_member(const struct members *m, uint32_t pid, int signal) {
    int fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return false;
    bool sent = members_has(m, pid) && syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) == 0;
    close(fd);
    return sent;
}

static void freeze_pass(struct stop *s, const struct members *m, uint64_t now) {
    bool new = false;
    for (uint32_t pid = members_next(m, 1); pid; pid = members_next(m, pid + 1)) {
        /* Again and again: a SIGCONT from inside the tree would thaw it. */
        if (send_to_member(m, pid, SIGSTOP) && first_time(s->frozen, pid))
            new = true;
    }
    s->quiet = new ? 0 : s->quiet + 1;
    s->killing = s->quiet >= QUIET_PASSES || now >= s->freeze_until;
}

static void kill_pass(struct stop *s, const struct members *m) {
    s->left = 0;
    for (uint32_t pid = members_next(m, 1); pid; pid = members_next(m, pid + 1)) {
        s->left++;
        if (send_to_member(m, pid, SIGKILL) && first_time(s->dead, pid))
            s->killed++;
    }
}

bool stop_step(struct stop *s, const struct members *m, uint64_t now) {
    if (!s->killing)
        freeze_pass(s, m, now);
    if (!s->killing)
        return false;
    kill_pass(s, m);
    return s->left == 0 || now >= s->deadline;
}
