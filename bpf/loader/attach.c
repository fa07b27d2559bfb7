/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The argument. A child is in /proc before the kernel program that hears of its fork runs, and that program marks it
 * when its parent is marked, or else (while `attaching` is set) notes the edge. So, after `attaching` is set and every
 * program that ran before has ended: a child of a marked process is marked, or it was there before its parent was
 * marked; then it is in a scan of /proc that starts later, under that parent, unless the parent has died; then the edge
 * was noted, at the fork or at the parent's exit. Hence: mark, wait for the programs under way, scan, read the edges,
 * take the closure, and again, until a round finds nothing new.
 *
 * A tree that forks all the time always has a child that is in /proc and not yet marked. It is nothing new when it
 * started after the round began and its parent was marked by then: the kernel is about to mark it itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "attach.h"
#include "clock.h"
#include "procfs.h"
#include "tasklist.h"

#define ROUNDS_MAX 200
#define FOUND_ON_ITS_WAY 2 /* in `wanted` */

struct edge {
    uint32_t child, parent;
};

struct closure {
    struct programs *programs;
    struct tasklist tasks;
    struct edge *edges; /* those of the task list, behind them those of the fork and exit programs */
    size_t count, cap;
    uint8_t *wanted; /* one byte a pid: a root, a member, or a descendant of one (dead ones too) */
    uint8_t *known;  /* who was marked when the round began */
    uint64_t began;  /* the round; CLOCK_BOOTTIME, ns */
    bool no_memory;
};

void attached_free(struct attached *a) {
    free(a->pids);
    free(a->roots);
    memset(a, 0, sizeof(*a));
}

static bool add_edge(struct closure *c, uint32_t child, uint32_t parent) {
    if (c->count == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 4096;
        struct edge *edges = realloc(c->edges, cap * sizeof(*edges));
        if (!edges) {
            c->no_memory = true;
            return false;
        }
        c->edges = edges;
        c->cap = cap;
    }
    c->edges[c->count++] = (struct edge){child, parent};
    return true;
}

static int read_tasks(struct closure *c) {
    int err = tasklist_read(&c->tasks);
    for (size_t i = 0; i < c->tasks.count && !err; i++)
        if (!add_edge(c, c->tasks.rows[i].pid, c->tasks.rows[i].ppid))
            err = -ENOMEM;
    return err;
}

static void read_kernel_edges(struct closure *c) {
    int fd = bpf_map__fd(c->programs->skel->maps.edges);
    uint32_t child, parent, *at = NULL, previous;
    while (bpf_map_get_next_key(fd, at, &child) == 0) {
        if (bpf_map_lookup_elem(fd, &child, &parent) == 0 && !add_edge(c, child, parent))
            return;
        previous = child;
        at = &previous;
    }
}

/* agentgov would watch itself watching: it and what started it stay outside, and so do their other children. */
static bool is_own(uint32_t pid) {
    return pid == (uint32_t)getpid() || pid == (uint32_t)getppid();
}

static bool close_once(struct closure *c) {
    bool grew = false;
    for (size_t i = 0; i < c->count; i++) {
        struct edge e = c->edges[i];
        if (e.child >= MEMBERS_MAX || e.parent >= MEMBERS_MAX || c->wanted[e.child] || !c->wanted[e.parent] ||
            is_own(e.child))
            continue;
        c->wanted[e.child] = 1;
        grew = true;
    }
    return grew;
}

/*
 * Marks a process. One that ends at the same moment may have been unmarked by its exit before we marked it, and its
 * number would then stay marked for whoever gets it next: so look again. *start becomes its start, to 10 ms.
 */
static bool mark_living(struct members *m, uint32_t pid, uint64_t *start) {
    struct proc_stat before, after;
    if (!proc_stat_read(pid, &before) || !before.alive)
        return false;
    *start = proc_start(&before);
    members_mark(m, pid, true);
    if (proc_stat_read(pid, &after) && after.alive && after.start_ticks == before.start_ticks)
        return true;
    members_mark(m, pid, false); /* if the number has gone to a child of the tree, the next round finds it */
    return false;
}

/* Would the kernel have marked it without us? An edge of its fork says who forked; the list only who is the parent now.
 */
static bool is_on_its_way(const struct closure *c, uint32_t pid, uint64_t start) {
    uint32_t forker = 0;
    if (start <= c->began)
        return false;
    for (size_t i = 0; i < c->count; i++)
        if (c->edges[i].child == pid)
            forker = c->edges[i].parent;
    return forker > 0 && forker < MEMBERS_MAX && (c->known[forker] || c->wanted[forker] == FOUND_ON_ITS_WAY);
}

static bool remember(struct attached *out, uint32_t pid) {
    if (out->count == out->cap) {
        size_t cap = out->cap ? 2 * out->cap : 256;
        uint32_t *pids = realloc(out->pids, cap * sizeof(*pids));
        if (!pids)
            return false;
        out->pids = pids;
        out->cap = cap;
    }
    out->pids[out->count++] = pid;
    return true;
}

/* One round. 1: something new was marked, 0: nothing, or a negative errno. */
static int round_of(struct closure *c, const uint32_t *roots, size_t count, struct attached *out) {
    struct members *m = &c->programs->members;
    members_barrier();
    c->began = clock_now();
    memset(c->known, 0, MEMBERS_MAX);
    for (uint32_t pid = members_next(m, 1); pid; pid = members_next(m, pid + 1))
        c->known[pid] = 1;
    memcpy(c->wanted, c->known, MEMBERS_MAX);
    for (size_t i = 0; i < count; i++)
        c->wanted[roots[i]] = 1;
    c->count = 0;
    int err = read_tasks(c);
    if (err)
        return err;
    read_kernel_edges(c);
    if (c->no_memory)
        return -ENOMEM;
    while (close_once(c))
        ;
    int found = 0;
    uint64_t start;
    for (uint32_t pid = 1; pid < MEMBERS_MAX; pid++) {
        if (!c->wanted[pid] || members_has(m, pid) || !mark_living(m, pid, &start))
            continue;
        if (is_on_its_way(c, pid, start)) { /* its fork will be told: it was not there before us */
            c->wanted[pid] = FOUND_ON_ITS_WAY;
            continue;
        }
        if (!remember(out, pid))
            return -ENOMEM;
        found = 1;
    }
    return found;
}

/* The next key is asked for while the one before is still there: from a key that is not, the search starts anew. */
static void wipe_edges(int fd) {
    uint32_t child, next;
    int end = bpf_map_get_next_key(fd, NULL, &child);
    while (!end) {
        end = bpf_map_get_next_key(fd, &child, &next);
        bpf_map_delete_elem(fd, &child);
        child = next;
    }
}

static int check_root(uint32_t pid, char *why, size_t size) {
    struct proc_status status;
    if (pid >= MEMBERS_MAX || !proc_status_read(pid, &status))
        return 0; /* not there: maybe its tree is, the rounds will tell */
    if (status.tgid != pid) {
        snprintf(why, size, "%u is a thread of process %u; give the process.", pid, status.tgid);
        return -EINVAL;
    }
    if (is_own(pid)) {
        snprintf(why, size, "Process %u is agentgov itself, which does not govern itself.", pid);
        return -EINVAL;
    }
    return 0;
}

static int run_rounds(struct closure *c, const uint32_t *roots, size_t count, struct attached *out, char *why,
                      size_t size) {
    struct agentgov_bpf *skel = c->programs->skel;
    uint64_t lost = skel->bss->edges_lost;
    __atomic_store_n(&skel->bss->attaching, 1, __ATOMIC_SEQ_CST);
    int found = 1;
    for (int i = 0; i < ROUNDS_MAX && found > 0; i++)
        found = round_of(c, roots, count, out);
    __atomic_store_n(&skel->bss->attaching, 0, __ATOMIC_SEQ_CST);
    members_barrier();
    wipe_edges(bpf_map__fd(skel->maps.edges));
    if (found < 0)
        snprintf(why, size, "The running processes could not be read: %s.", strerror(-found));
    if (found > 0 || skel->bss->edges_lost != lost) {
        snprintf(why, size, "Processes come and go faster than they can be followed; try again.");
        return -EAGAIN;
    }
    return found;
}

static void unmark(struct members *m, const struct attached *a) {
    for (size_t i = 0; i < a->count; i++)
        members_mark(m, a->pids[i], false);
}

/* A root counts when it, or somebody below it, is governed. */
static bool tree_is_there(struct closure *c, uint32_t root) {
    memset(c->wanted, 0, MEMBERS_MAX);
    c->wanted[root] = 1;
    while (close_once(c))
        ;
    for (uint32_t pid = 1; pid < MEMBERS_MAX; pid++)
        if (c->wanted[pid] && members_has(&c->programs->members, pid))
            return true;
    return false;
}

int attach_trees(struct programs *p, const uint32_t *roots, size_t count, struct attached *out, char *why,
                 size_t size) {
    struct closure c = {.programs = p, .wanted = malloc(MEMBERS_MAX), .known = malloc(MEMBERS_MAX)};
    memset(out, 0, sizeof(*out));
    out->roots = calloc(count, sizeof(*out->roots));
    int err = c.wanted && c.known && out->roots ? 0 : -ENOMEM;
    if (err)
        snprintf(why, size, "There is no memory left.");
    for (size_t i = 0; i < count && !err; i++)
        err = check_root(roots[i], why, size);
    uint32_t *possible = err ? NULL : calloc(count, sizeof(*possible));
    size_t n = 0;
    for (size_t i = 0; possible && i < count; i++)
        if (roots[i] < MEMBERS_MAX)
            possible[n++] = roots[i];
    tasklist_open(&c.tasks);
    if (!err)
        err = run_rounds(&c, possible, n, out, why, size);
    for (size_t i = 0; i < n && !err; i++)
        if (tree_is_there(&c, possible[i]))
            out->roots[out->roots_count++] = possible[i];
    if (!err && out->roots_count == 0) {
        err = -ESRCH;
        snprintf(why, size, "There is no process %u%s.", roots[0], count > 1 ? " (nor any other of those given)" : "");
    }
    if (err) {
        unmark(&p->members, out);
        attached_free(out);
    }
    free(possible);
    tasklist_close(&c.tasks);
    free(c.edges);
    free(c.wanted);
    free(c.known);
    return err;
}
