/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "guard_names.h"
#include "guards.h"
#include "holder.h"
#include "kept.h"
#include "pidns.h"
#include "tasklist.h"

static struct ag_guards *map_in(int fd) {
    void *all = mmap(NULL, sizeof(struct ag_guards), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return all == MAP_FAILED ? NULL : all;
}

static bool is_alive(const struct ag_guard_row *row) {
    uint64_t start = row->loader ? holder_start(row->loader) : 0;
    return start && start == row->since;
}

/* What a loader left in force goes on being what its agent is held by, until somebody takes that over or ends it. */
static bool is_over(const struct ag_guard_row *row) {
    return row->loader && !is_alive(row) && (!row->kept || !kept_is_there(row->agent, row->kept));
}

static bool has_room(const struct ag_guards *all) {
    for (int i = 0; i < AG_GUARD_ROWS; i++)
        if (!all->row[i].loader || is_over(&all->row[i]))
            return true;
    return false;
}

bool guards_have_room(int map) {
    struct ag_guards *all = map_in(map);
    bool room = all && has_room(all);
    if (all)
        munmap(all, sizeof(*all));
    return room;
}

/* Does a loader that can be believed hold the map, as its row there says? */
static bool is_held(const struct programs *p, const struct ag_guards *all, __u32 id) {
    struct holder *h = malloc(sizeof(*h));
    bool held = false;
    for (int i = 0; i < AG_GUARD_ROWS && h && !held; i++) {
        const struct ag_guard_row *row = &all->row[i];
        held = is_alive(row) && holder_believe(h, p->skel, row->loader, row->since) && holder_has_map(h, id);
    }
    free(h);
    return held;
}

/* Takes the map if it is one of those, of our numbers, with room; `pinned` ones need nobody who holds them. */
static bool take(struct programs *p, int fd, bool pinned) {
    struct bpf_map *own = p->skel->maps.guards;
    struct bpf_map_info info = {};
    __u32 len = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &len) || strcmp(info.name, bpf_map__name(own)) != 0 ||
        info.value_size != bpf_map__value_size(own) || !(info.map_flags & BPF_F_MMAPABLE))
        return false;
    struct ag_guards *all = map_in(fd);
    bool good = all && all->pidns == pidns_own.ns && has_room(all) && (pinned || is_held(p, all, info.id));
    if (all)
        munmap(all, sizeof(*all));
    return good && bpf_map__reuse_fd(own, fd) == 0;
}

void guards_share(struct programs *p) {
    bool taken = false;
    int fd;
    for (__u32 id = 0; !taken && bpf_map_get_next_id(id, &id) == 0;) {
        fd = bpf_map_get_fd_by_id(id);
        if (fd < 0 && errno == EPERM)
            break;
        taken = fd >= 0 && take(p, fd, false);
        if (fd >= 0)
            close(fd);
    }
    fd = taken ? -1 : kept_guards();
    if (fd >= 0) {
        take(p, fd, true);
        close(fd);
    }
}

static void free_row(struct ag_guard_row *row) {
    row->processes = row->names = 0;
    row->folders = row->kept = 0;
    __atomic_store_n(&row->loader, 0, __ATOMIC_SEQ_CST);
}

void guards_sweep(struct programs *p) {
    for (int i = 0; i < AG_GUARD_ROWS; i++)
        if (is_over(&p->guards->row[i]))
            free_row(&p->guards->row[i]);
}

/* Ourselves, our engine, and what that descends from: by the kernel's own list, to the nanosecond of their starts. */
static int note_processes(const struct programs *p, struct ag_guard_row *row) {
    struct tasklist list = {0};
    int err = tasklist_read(&list, p->skel);
    __u32 count = 0;
    const struct ag_task *task = err ? NULL : tasklist_find(&list, getpid());
    for (; task && count < AG_GUARDS_MAX; task = tasklist_find(&list, task->parent.pid))
        row->process[count++] = task->id;
    tasklist_free(&list);
    __atomic_store_n(&row->processes, count, __ATOMIC_SEQ_CST);
    return err ? err : count ? 0 : -ESRCH;
}

static struct ag_guard_row *take_row(struct ag_guards *all) {
    for (__u32 i = 0; i < AG_GUARD_ROWS; i++) {
        uint32_t nobody = 0;
        if (!__atomic_compare_exchange_n(&all->row[i].loader, &nobody, getpid(), false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST))
            continue;
        all->row[i].since = holder_start(getpid());
        if (i >= all->rows)
            __atomic_store_n(&all->rows, i + 1, __ATOMIC_SEQ_CST);
        return &all->row[i];
    }
    return NULL;
}

int guards_enter(struct programs *p, const char *agent_id) {
    p->guards = map_in(bpf_map__fd(p->skel->maps.guards));
    if (!p->guards)
        return -errno;
    if (!p->guards->rows)
        p->guards->pidns = pidns_own.ns;
    guards_sweep(p);
    p->guard = take_row(p->guards);
    if (!p->guard)
        return -EUSERS;
    snprintf(p->guard->agent, sizeof(p->guard->agent), "%s", agent_id);
    return note_processes(p, p->guard);
}

int guards_name(struct programs *p, const char *list, size_t size, size_t *count) {
    struct guard_names names = {0};
    int err = guard_names_of(&names, list, size);
    *count = names.count;
    if (err)
        return err;
    struct ag_guard_row *row = p->guard;
    __u64 folders = 0;
    __u32 ops = 0;
    for (size_t i = 0; i < names.count; i++) {
        folders |= AG_FOLDER_BIT(names.all[i].folder);
        ops |= names.all[i].ops;
    }
    __atomic_store_n(&row->names, 0, __ATOMIC_SEQ_CST);
    memcpy(row->name, names.all, names.count * sizeof(names.all[0]));
    __atomic_store_n(&row->names, names.count, __ATOMIC_SEQ_CST);
    row->folders = folders;
    __atomic_fetch_or(&p->guards->ops, ops, __ATOMIC_SEQ_CST);
    return 0;
}

void guards_leave(struct programs *p) {
    if (p->guard)
        free_row(p->guard);
    if (p->guards)
        munmap(p->guards, sizeof(*p->guards));
    p->guards = NULL;
    p->guard = NULL;
}
