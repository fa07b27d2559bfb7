/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The argument. A child is in the kernel's list of tasks before the program that hears of its fork runs, and that
 * program notes the edge (while `attaching` is set) and marks the child when its parent is marked. So, after
 * `attaching` is set and every program that ran before has ended: a child of a marked process is marked, or it was
 * there before its parent was marked; then it is in a list that is read later, under that parent, unless the parent has
 * died; then the edge was noted, at the fork or at the parent's exit. Hence: wait for the programs under way, list,
 * read the edges, take the closure, mark, and again, until a round finds nothing new.
 *
 * A tree that forks all the time always has a child that is in the list and not yet marked. It is nothing new when it
 * was forked after its parent was marked: the kernel is about to mark it itself.
 *
 * Numbers are used again, also within a round. So all of this is about identities (number and start), and the mark is
 * set by a program in the kernel that has the very process before it (mark_wanted). A mark does not outlive its process
 * either: its exit program takes it away, or mark_wanted itself when the exit was first. Should that ever fail, the
 * next process of the number begins with what its own parent has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "attach.h"
#include "clock.h"
#include "hold.h"
#include "kin.h"
#include "procfs.h"
#include "tasklist.h"

#define ROUNDS_MAX 200

struct edge {
    struct ag_id child, parent;
};

struct closure {
    struct programs *programs;
    const struct kept_runs *kept; /* runs that are taken over from: who is a member there becomes one here */
    struct tasklist tasks, again;
    struct edge *edges; /* those of the fork and exit programs, behind them those of the task list */
    size_t forks, count, cap;
    struct kin kin;      /* of all rounds so far */
    struct ag_id *roots; /* start 0: there is nobody of that number */
    size_t roots_count;
    bool first;                   /* nobody was governed before */
    __u32 foreign, foreign_agent; /* a process of the tree that another agent has, and that agent's number */
};

void attached_free(struct attached *a) {
    free(a->pids);
    free(a->roots);
    memset(a, 0, sizeof(*a));
}

static int add_edge(struct closure *c, const struct ag_id *child, const struct ag_id *parent) {
    if (c->count == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 4096;
        struct edge *edges = realloc(c->edges, cap * sizeof(*edges));
        if (!edges)
            return -ENOMEM;
        c->edges = edges;
        c->cap = cap;
    }
    c->edges[c->count++] = (struct edge){*child, *parent};
    return 0;
}

/* The list first: whoever is in it and was forked since `attaching` is set has its edge noted, or is not marked yet. */
static int read_edges(struct closure *c) {
    int fd = bpf_map__fd(c->programs->skel->maps.edges), err = 0;
    struct ag_id child, parent, previous, *at = NULL;
    c->count = 0;
    hold_begin();
    while (!err && bpf_map_get_next_key(fd, at, &child) == 0) {
        if (bpf_map_lookup_elem(fd, &child, &parent) == 0)
            err = add_edge(c, &child, &parent);
        previous = child;
        at = &previous;
    }
    hold_end();
    c->forks = c->count;
    for (size_t i = 0; i < c->tasks.count && !err; i++)
        err = add_edge(c, &c->tasks.rows[i].id, &c->tasks.rows[i].parent);
    return err;
}

/* agentgov would watch itself watching: it and what started it stay outside, and so do their other children. */
static bool is_own(__u32 pid) {
    return pid == (__u32)getpid() || pid == (__u32)getppid();
}

/* In the first round. The root that was meant is the oldest of its number: later ones have it because it ended. */
static void find_roots(struct closure *c) {
    for (size_t r = 0; r < c->roots_count; r++) {
        struct ag_id *root = &c->roots[r];
        for (size_t i = 0; i < 2 * c->count; i++) {
            const struct ag_id *id = i % 2 ? &c->edges[i / 2].parent : &c->edges[i / 2].child;
            if (id->pid == root->pid && (!root->start || id->start < root->start))
                *root = *id;
        }
    }
}

/* Adds whoever descends from one that is there. 0, or -ENOMEM. */
static int close_over(struct kin *kin, const struct edge *edges, size_t count) {
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < count; i++) {
            const struct edge *e = &edges[i];
            if (!kin_find(kin, &e->parent) || kin_find(kin, &e->child) || is_own(e->child.pid))
                continue;
            if (!kin_add(kin, &e->child))
                return -ENOMEM;
            grew = true;
        }
    }
    return 0;
}

/* Who was forked by a marked process is marked by the kernel. Only the edge of a fork says who that was. */
static void find_born(struct closure *c) {
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < c->forks; i++) {
            struct kinsman *child = kin_find(&c->kin, &c->edges[i].child);
            const struct kinsman *parent = kin_find(&c->kin, &c->edges[i].parent);
            if (!child || child->born || !parent || !parent->since || child->id.start <= parent->since)
                continue;
            child->born = true;
            child->since = child->id.start;
            grew = true;
        }
    }
}

static int add_kin(struct closure *c) {
    __u64 now = clock_now();
    for (size_t i = 0; i < c->roots_count; i++)
        if (c->roots[i].start && !kin_add(&c->kin, &c->roots[i]))
            return -ENOMEM;
    for (size_t i = 0; i < c->tasks.count; i++) {
        const struct ag_task *row = &c->tasks.rows[i];
        bool own = row->agent == c->programs->members.agent;
        bool belongs = !row->over && (own || kept_has(c->kept, row->id.pid));
        struct kinsman *k = belongs ? kin_add(&c->kin, &row->id) : NULL;
        if (belongs && !k)
            return -ENOMEM;
        if (k && own && !k->since)
            k->since = now; /* earlier, but when is not known */
    }
    int err = close_over(&c->kin, c->edges, c->count);
    find_born(c);
    return err;
}

/* Is this a process that belongs to the tree and is not marked? */
static struct kinsman *unmarked(const struct closure *c, const struct ag_task *row) {
    return row->agent == c->programs->members.agent || row->over ? NULL : kin_find(&c->kin, &row->id);
}

/*
 * A process that another agent of this set has: what is taken over from gives it away, and nobody else does. A number
 * is handed on like ours, so it does not matter who has this one by now.
 */
static bool take_from_other(struct closure *c, struct kinsman *k, __u8 agent) {
    struct members *own = &c->programs->members;
    struct members other = {.bytes = own->bytes, .agent = agent};
    if (kept_number(c->kept, bpf_map__fd(c->programs->skel->maps.members)) != agent)
        return false;
    if (members_give(&other, k->id.pid, own->agent)) {
        k->marked = true;
        k->before = agent;
        if (!k->since)
            k->since = clock_now();
    }
    return true;
}

/*
 * Makes members of all who are not yet. The second list says who of them still lives: after the claim, so its number is
 * its own until its exit program, or the fork of the next one, has taken the claim away. 1: there was somebody new, 0:
 * nobody, or a negative errno.
 */
static int mark(struct closure *c) {
    struct members *m = &c->programs->members;
    int found = 0;
    size_t claims = 0;
    for (size_t i = 0; i < c->tasks.count; i++) {
        struct kinsman *k = unmarked(c, &c->tasks.rows[i]);
        if (!k)
            continue;
        found |= !k->born;
        if (c->tasks.rows[i].agent) {
            if (take_from_other(c, k, c->tasks.rows[i].agent))
                continue;
            c->foreign = k->id.pid;
            c->foreign_agent = c->tasks.rows[i].agent;
            break;
        }
        claims++;
        members_claim(m, k->id.pid);
    }
    int err = c->foreign ? -EEXIST : claims ? tasklist_read(&c->again, c->programs->skel) : 0;
    for (size_t i = 0; i < c->again.count && claims && !err; i++) {
        struct kinsman *k = unmarked(c, &c->again.rows[i]);
        if (!k || !members_settle(m, k->id.pid, true))
            continue;
        k->marked = true;
        if (!k->since)
            k->since = clock_now();
    }
    for (size_t i = 0; i < c->tasks.count && claims; i++)
        members_settle(m, c->tasks.rows[i].id.pid, false);
    return err ? err : found;
}

static int round_of(struct closure *c, bool first) {
    members_barrier();
    int err = tasklist_read(&c->tasks, c->programs->skel);
    if (!err)
        err = read_edges(c);
    if (first)
        find_roots(c);
    if (!err)
        err = add_kin(c);
    return err ? err : mark(c);
}

/* The next key is asked for while the one before is still there: from a key that is not, the search starts anew. */
static void wipe_edges(int fd) {
    struct ag_id child, next;
    hold_begin();
    int end = bpf_map_get_next_key(fd, NULL, &child);
    while (!end) {
        end = bpf_map_get_next_key(fd, &child, &next);
        bpf_map_delete_elem(fd, &child);
        child = next;
    }
    hold_end();
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

static int run_rounds(struct closure *c, char *why, size_t size) {
    struct agentgov_bpf *skel = c->programs->skel;
    uint64_t lost = skel->bss->edges_lost;
    wipe_edges(bpf_map__fd(skel->maps.edges)); /* of a loader that was killed while it attached */
    __atomic_store_n(&skel->bss->attaching, 1, __ATOMIC_SEQ_CST);
    int found = 1;
    for (int i = 0; i < ROUNDS_MAX && found > 0; i++)
        found = round_of(c, i == 0);
    __atomic_store_n(&skel->bss->attaching, 0, __ATOMIC_SEQ_CST);
    members_barrier();
    wipe_edges(bpf_map__fd(skel->maps.edges));
    if (found == -EEXIST) {
        const char *name = (const char *)skel->bss->agents[c->foreign_agent].name;
        snprintf(why, size, "Process %u is governed as another agent already, %s; agentgov detach %s ends that.",
                 c->foreign, name, name);
        return found;
    }
    if (found < 0)
        snprintf(why, size, "The running processes could not be read: %s.", strerror(-found));
    if (found > 0 || skel->bss->edges_lost != lost) {
        snprintf(why, size, "Processes come and go faster than they can be followed; try again.");
        return -EAGAIN;
    }
    return found;
}

/* Everybody is again whose he was. Whoever was born meanwhile is whose his parents were. */
static void unmark(struct closure *c) {
    struct members *own = &c->programs->members;
    for (size_t i = 0; i < c->kin.cap; i++)
        if (c->kin.slots[i].marked)
            members_give(own, c->kin.slots[i].id.pid, c->kin.slots[i].before);
    if (c->first)
        members_give_all(own, kept_number(c->kept, bpf_map__fd(c->programs->skel->maps.members)));
}

/* Whom the loader marked and the kernel had not told of: what was there before. */
static int tell(const struct closure *c, struct attached *out) {
    out->pids = calloc(c->kin.count + 1, sizeof(*out->pids));
    if (!out->pids)
        return -ENOMEM;
    for (size_t i = 0; i < c->kin.cap; i++)
        if (c->kin.slots[i].marked && !c->kin.slots[i].born)
            out->pids[out->count++] = c->kin.slots[i].id.pid;
    return 0;
}

/* A root counts when it, or somebody below it, is governed. */
static bool tree_is_there(const struct closure *c, const struct ag_id *root) {
    struct kin tree = {0};
    bool there = false;
    if (root->start && kin_add(&tree, root) && close_over(&tree, c->edges, c->count) == 0)
        for (size_t i = 0; i < c->tasks.count && !there; i++)
            there = c->tasks.rows[i].agent == c->programs->members.agent && kin_find(&tree, &c->tasks.rows[i].id);
    kin_free(&tree);
    return there;
}

static int attach_all(struct closure *c, struct attached *out, char *why, size_t size) {
    int err = run_rounds(c, why, size);
    if (!err)
        err = tell(c, out);
    for (size_t i = 0; i < c->roots_count && !err; i++)
        if (tree_is_there(c, &c->roots[i]))
            out->roots[out->roots_count++] = c->roots[i].pid;
    return err;
}

int attach_trees(struct programs *p, const uint32_t *roots, size_t count, const struct kept_runs *kept,
                 struct attached *out, char *why, size_t size) {
    struct closure c = {.programs = p, .kept = kept, .roots = calloc(count, sizeof(*c.roots))};
    memset(out, 0, sizeof(*out));
    c.first = members_next(&p->members, 1) == 0;
    out->roots = calloc(count, sizeof(*out->roots));
    int err = c.roots && out->roots ? 0 : -ENOMEM;
    snprintf(why, size, "There is no memory left.");
    for (size_t i = 0; i < count && !err; i++) {
        err = check_root(roots[i], why, size);
        if (roots[i] < MEMBERS_MAX)
            c.roots[c.roots_count++].pid = roots[i];
    }
    if (!err)
        err = attach_all(&c, out, why, size);
    bool adopted = kept->count > 0 && members_next(&p->members, 1);
    if (!err && out->roots_count == 0 && !adopted) {
        err = -ESRCH;
        snprintf(why, size, "There is no process %u%s.", roots[0], count > 1 ? " (nor any other of those given)" : "");
    }
    if (err) {
        unmark(&c);
        attached_free(out);
    }
    tasklist_free(&c.tasks);
    tasklist_free(&c.again);
    kin_free(&c.kin);
    free(c.roots);
    free(c.edges);
    return err;
}
