/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "process.h"
#include "procfs.h"

static struct text *text_new(struct buf *scratch, const char *bytes, size_t n) {
    buf_reset(scratch);
    json_bytes(scratch, bytes, n);
    struct text *t = scratch->over ? NULL : malloc(sizeof(*t) + scratch->len);
    if (!t)
        return NULL;
    t->refs = 1;
    t->len = scratch->len;
    memcpy(t->json, scratch->data, scratch->len);
    return t;
}

static struct text *text_share(struct text *t) {
    if (t)
        t->refs++;
    return t;
}

static void text_drop(struct text *t) {
    if (t && --t->refs == 0)
        free(t);
}

static void list_add(struct process_list *list, struct process *p) {
    p->newer = NULL;
    p->older = list->newest;
    if (list->newest)
        list->newest->newer = p;
    else
        list->oldest = p;
    list->newest = p;
    list->count++;
}

static void list_remove(struct process_list *list, struct process *p) {
    if (p->newer)
        p->newer->older = p->older;
    else
        list->newest = p->older;
    if (p->older)
        p->older->newer = p->newer;
    else
        list->oldest = p->newer;
    list->count--;
}

static struct process **bucket_of(struct processes *t, __u32 pid) {
    return &t->buckets[pid % PROCESS_BUCKETS];
}

static struct process *find(struct processes *t, __u32 pid, __u64 start) {
    for (struct process *p = *bucket_of(t, pid); p; p = p->next)
        if (p->pid == pid && p->start == start)
            return p;
    return NULL;
}

static struct process *add(struct processes *t, __u32 pid, __u64 start) {
    struct process *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->pid = pid;
    p->start = start;
    p->next = *bucket_of(t, pid);
    *bucket_of(t, pid) = p;
    list_add(&t->alive, p);
    return p;
}

static void forget(struct processes *t, struct process *p) {
    struct process **at = bucket_of(t, p->pid);
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    list_remove(p->exited ? &t->exited : &t->alive, p);
    text_drop(p->exe);
    text_drop(p->container);
    free(p);
}

struct processes *processes_new(void) {
    struct processes *t = calloc(1, sizeof(*t));
    if (t && !buf_alloc(&t->scratch, 6 * 2 * AG_PATH_MAX + 64)) {
        free(t);
        return NULL;
    }
    return t;
}

void processes_free(struct processes *t) {
    while (t->alive.oldest)
        forget(t, t->alive.oldest);
    while (t->exited.oldest)
        forget(t, t->exited.oldest);
    buf_free(&t->scratch);
    free(t);
}

static void set_container(struct processes *t, struct process *p) {
    char id[64];
    text_drop(p->container);
    p->container = proc_container(p->pid, id) ? text_new(&t->scratch, id, sizeof(id)) : NULL;
}

static void set_exe(struct processes *t, struct process *p, const char *exe, size_t len) {
    text_drop(p->exe);
    p->exe = text_new(&t->scratch, exe, len);
}

/* The kernel's own mark on a link to a file that has gone; path_deleted says it where it is said. */
static size_t without_deleted(const char *path, size_t len) {
    static const char GONE[] = " (deleted)";
    size_t n = sizeof(GONE) - 1;
    return len > n && !memcmp(path + len - n, GONE, n) ? len - n : len;
}

static void set_from_proc(struct processes *t, struct process *p) {
    char exe[AG_PATH_MAX];
    ssize_t n = proc_link(p->pid, "exe", exe, sizeof(exe));
    if (n > 0)
        set_exe(t, p, exe, without_deleted(exe, n));
    set_container(t, p);
}

static struct process *from_proc(struct processes *t, __u32 pid, const struct proc_stat *stat, __u64 start) {
    struct proc_status status;
    struct process *p = proc_status_read(pid, &status) ? add(t, pid, start) : NULL;
    if (!p)
        return NULL;
    p->ppid = stat->ppid;
    p->inner = status.inner;
    set_from_proc(t, p);
    return p;
}

struct process *processes_adopt(struct processes *t, __u32 pid, __u64 start) {
    struct proc_stat stat;
    if (!proc_stat_read(pid, &stat))
        return NULL;
    for (struct process *p = *bucket_of(t, pid); p; p = p->next)
        if (p->pid == pid && !p->exited && proc_same_start(proc_start(&stat), p->start))
            return p;
    bool exact = start && proc_same_start(proc_start(&stat), start);
    struct process *p = from_proc(t, pid, &stat, exact ? start : proc_start(&stat));
    if (p)
        p->exact = exact;
    return p;
}

/* An entry made from /proc learns the exact start from the first record that can only mean it. */
static struct process *find_inexact(struct processes *t, const struct ag_record *head) {
    for (struct process *p = *bucket_of(t, head->pid); p; p = p->next)
        if (p->pid == head->pid && !p->exact && !p->exited && proc_same_start(p->start, head->start)) {
            p->start = head->start;
            p->exact = true;
            return p;
        }
    return NULL;
}

static struct process *known(struct processes *t, const struct ag_record *head) {
    struct process *p = find(t, head->pid, head->start);
    return p ? p : find_inexact(t, head);
}

struct process *processes_of(struct processes *t, const struct ag_record *head) {
    struct process *p = known(t, head);
    if (p)
        return p;
    struct proc_stat stat;
    if (!proc_stat_read(head->pid, &stat) || !proc_same_start(proc_start(&stat), head->start))
        return NULL;
    p = from_proc(t, head->pid, &stat, head->start);
    if (p)
        p->exact = true;
    return p;
}

struct process *processes_fork(struct processes *t, const struct ag_record *head) {
    struct process *p = known(t, head);
    struct process *parent = find(t, head->ppid, head->arg[2]);
    if (!p)
        p = add(t, head->pid, head->start);
    if (!p)
        return NULL;
    p->exact = true;
    p->ppid = head->ppid;
    p->inner = head->arg[1];
    if (!parent) { /* CLONE_PARENT, or a parent whose own fork was lost */
        struct proc_stat stat;
        if (!p->exe && proc_stat_read(p->pid, &stat) && proc_same_start(proc_start(&stat), p->start))
            set_from_proc(t, p);
        return p;
    }
    if (!p->exe)
        p->exe = text_share(parent->exe);
    if (!p->container)
        p->container = text_share(parent->container);
    p->cgroup = parent->cgroup;
    return p;
}

struct process *processes_exec(struct processes *t, const struct ag_record *head, const char *exe, size_t len) {
    struct process *p = known(t, head);
    if (!p) {
        p = add(t, head->pid, head->start);
        if (!p)
            return NULL;
        p->exact = true;
        p->ppid = head->ppid;
    }
    set_exe(t, p, exe, len);
    /* A container begins with a cgroup or a pid namespace of its own; else what the parent had still holds. */
    bool moved = p->cgroup != head->arg[0] || (p->inner != head->arg[1] && head->arg[1] != 0);
    p->cgroup = head->arg[0];
    if (head->arg[1])
        p->inner = head->arg[1];
    if (moved)
        set_container(t, p);
    return p;
}

void processes_exit(struct processes *t, struct process *p) {
    if (p->exited)
        return;
    list_remove(&t->alive, p);
    p->exited = true;
    list_add(&t->exited, p);
    while (t->exited.count > PROCESS_GRAVES)
        forget(t, t->exited.oldest);
}

void processes_comm(struct process *p, const char comm[16], const char **json, size_t *len) {
    if (p->comm_len == 0 || memcmp(p->comm, comm, sizeof(p->comm)) != 0) {
        struct buf b = {.data = p->comm_json, .cap = sizeof(p->comm_json)};
        memcpy(p->comm, comm, sizeof(p->comm));
        json_bytes(&b, comm, strnlen(comm, sizeof(p->comm)));
        p->comm_len = b.len;
    }
    *json = p->comm_json;
    *len = p->comm_len;
}
