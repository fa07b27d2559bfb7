/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "build.h"
#include "clock.h"
#include "guards.h"
#include "holder.h"
#include "ids.h"
#include "include/policy.h"
#include "kept.h"
#include "links.h"
#include "loaded.h"
#include "set.h"

#define FOLDER                                                                                                         \
    "/run/agentgov" /* of the control sockets (src/control/paths.ts), which the governed tree cannot change */
#define LOCK FOLDER "/.loaders"
#define LOCK_STEP_NS (20 * NS_PER_MS)

static int lock_fd = -1;

/* Root's alone: who else could write here could let two of us believe that they are alone. */
static int open_lock(void) {
    struct stat s;
    if (geteuid() != 0 || (mkdir(FOLDER, 0755) && errno != EEXIST))
        return -1;
    if (lstat(FOLDER, &s) || !S_ISDIR(s.st_mode) || s.st_uid != 0 || (s.st_mode & 022))
        return -1;
    return open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool set_lock(uint64_t patience) {
    uint64_t until = clock_now() + patience;
    lock_fd = open_lock();
    while (lock_fd >= 0 && flock(lock_fd, LOCK_EX | LOCK_NB)) {
        if (clock_now() < until) {
            usleep(LOCK_STEP_NS / 1000);
            continue;
        }
        close(lock_fd);
        lock_fd = -1;
    }
    return lock_fd >= 0;
}

void set_unlock(void) {
    if (lock_fd >= 0)
        close(lock_fd);
    lock_fd = -1;
}

static struct ag_agent *row_of(const struct programs *p, uint32_t agent) {
    return (struct ag_agent *)&p->skel->bss->agents[agent];
}

static bool is_alive(const struct ag_agent *row) {
    uint64_t start = row->loader ? holder_start(row->loader) : 0;
    return start && start == row->since;
}

static size_t page_rounded(size_t size) {
    size_t page = sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

/* A set that has been found: descriptors in the order of the object, -1 where it has nothing. */
struct found {
    const struct agentgov_bpf *own;
    struct agentgov_bpf__bss *bss; /* of the set, mapped */
    struct ag_set set;             /* a copy: what has been checked stays as it is */
    int maps[AG_SET_MAPS], programs[AG_SET_PROGRAMS];
};

static void let_go(struct found *f) {
    for (int i = 0; i < AG_SET_MAPS; i++)
        if (f->maps[i] >= 0)
            close(f->maps[i]);
    for (int i = 0; i < AG_SET_PROGRAMS; i++)
        if (f->programs[i] >= 0)
            close(f->programs[i]);
    if (f->bss)
        munmap(f->bss, page_rounded(sizeof(*f->bss)));
}

/* Is there one that lives, is one of us, is governed by nobody, and holds all of it? */
static bool is_held(const struct found *f) {
    struct holder *h = malloc(sizeof(*h));
    bool held = false;
    for (uint32_t agent = 1; agent < AG_AGENTS && h && !held; agent++) {
        const struct ag_agent *row = (const struct ag_agent *)&f->bss->agents[agent];
        if (!is_alive(row) || !holder_believe(h, f->own, row->loader, row->since))
            continue;
        held = true;
        for (int i = 0; i < AG_SET_MAPS; i++)
            held &= !f->set.maps[i] || holder_has_map(h, f->set.maps[i]);
        for (int i = 0; i < AG_SET_PROGRAMS; i++)
            held &= !f->set.programs[i] || holder_has_program(h, f->set.programs[i]);
    }
    free(h);
    return held;
}

static bool open_all(struct found *f) {
    for (int i = 0; i < AG_SET_MAPS; i++)
        if (f->set.maps[i] && (f->maps[i] = bpf_map_get_fd_by_id(f->set.maps[i])) < 0)
            return false;
    for (int i = 0; i < AG_SET_PROGRAMS; i++)
        if (f->set.programs[i] && (f->programs[i] = bpf_prog_get_fd_by_id(f->set.programs[i])) < 0)
            return false;
    return true;
}

static int index_of(const struct agentgov_bpf *skel, const struct bpf_map *wanted) {
    struct bpf_map *map;
    int i = 0;
    bpf_object__for_each_map(map, skel->obj) {
        if (map == wanted)
            return i;
        i++;
    }
    return -1;
}

/* The same constants? But for the keys of a run's hashes, which are whoever's was first. */
static bool has_our_constants(const struct found *f) {
    size_t size = bpf_map__value_size(f->own->maps.rodata);
    int fd = f->maps[index_of(f->own, f->own->maps.rodata)];
    struct bpf_map_info info = {};
    __u32 len = sizeof(info), zero = 0;
    char *theirs = calloc(1, size), *ours = calloc(1, size);
    bool same = theirs && ours && fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.value_size == size &&
                bpf_map_lookup_elem(fd, &zero, theirs) == 0;
    if (same) {
        const char *begin = (const char *)f->own->rodata;
        memcpy(ours, begin, size);
        memcpy(ours + ((const char *)&f->own->rodata->fold_key0 - begin),
               theirs + ((const char *)&f->own->rodata->fold_key0 - begin), sizeof(__u64));
        memcpy(ours + ((const char *)&f->own->rodata->fold_key1 - begin),
               theirs + ((const char *)&f->own->rodata->fold_key1 - begin), sizeof(__u64));
        same = memcmp(ours, theirs, size) == 0;
    }
    free(theirs);
    free(ours);
    return same;
}

/* Each map and program of the object is there if we would have loaded it, and else not. */
static bool has_our_parts(const struct found *f) {
    struct bpf_map *map;
    struct bpf_program *prog;
    bool same = true;
    int i = 0;
    bpf_object__for_each_map(map, f->own->obj) same &= bpf_map__autocreate(map) == (f->set.maps[i++] != 0);
    i = 0;
    bpf_object__for_each_program(prog, f->own->obj) {
        same &= bpf_program__autoload(prog) == (f->set.programs[i++] != 0);
    }
    return same;
}

/* We ourselves may be governed there: then whom we start is somebody's already. */
static bool governs_us(const struct found *f) {
    struct members m = {.agent = AG_NOBODY};
    bool governs = members_map(&m, f->maps[index_of(f->own, f->own->maps.members)]) || members_any(&m, getpid());
    members_unmap(&m);
    return governs;
}

static bool has_room(const struct found *f) {
    for (uint32_t agent = 1; agent < AG_AGENTS; agent++) {
        const struct ag_agent *row = (const struct ag_agent *)&f->bss->agents[agent];
        if (!row->loader || (!is_alive(row) && !row->kept))
            return true;
    }
    return false;
}

static bool is_program_of(const struct ag_set *set, __u32 id) {
    for (int i = 0; i < AG_SET_PROGRAMS; i++)
        if (set->programs[i] == id)
            return true;
    return false;
}

/* The links by which it hangs. False when one of them is gone, with who held it last; then none is held. */
static bool hold_links(const struct ag_set *set) {
    __u32 count = set->links_count, program = 0;
    for (__u32 i = 0; i < count && i < AG_SET_LINKS; i++) {
        int fd = bpf_link_get_fd_by_id(set->links[i]);
        if (fd >= 0 && links_add(fd) == 0 && id_of_link(fd, &program) && is_program_of(set, program))
            continue;
        links_drop(0);
        return false;
    }
    return count > 0;
}

/* Whether the map is the variables of a set that we can join; everything of it has been opened then. */
static bool see_set(struct found *f, struct programs *p, int fd) {
    struct bpf_map_info info = {};
    __u32 len = sizeof(info);
    memset(f, 0, sizeof(*f));
    memset(f->maps, -1, sizeof(f->maps));
    memset(f->programs, -1, sizeof(f->programs));
    f->own = p->skel;
    if (bpf_obj_get_info_by_fd(fd, &info, &len) || strcmp(info.name, bpf_map__name(p->skel->maps.bss)) != 0 ||
        info.value_size != bpf_map__value_size(p->skel->maps.bss) || !(info.map_flags & BPF_F_MMAPABLE))
        return false;
    void *bss = mmap(NULL, page_rounded(info.value_size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bss == MAP_FAILED)
        return false;
    f->bss = bss;
    f->set = f->bss->set;
    bool good = f->set.build == AGENTGOV_BUILD && f->set.tier == p->tier &&
                f->set.maps[index_of(p->skel, p->skel->maps.bss)] == info.id && has_our_parts(f) && has_room(f) &&
                is_held(f) && open_all(f) && has_our_constants(f) &&
                guards_have_room(f->maps[index_of(p->skel, p->skel->maps.guards)]) && !governs_us(f) &&
                hold_links(&f->set);
    if (!good)
        let_go(f);
    return good;
}

/* From here on our object is that set. -ENOMEM: a part of it is. */
static int take(struct programs *p, struct found *f) {
    struct bpf_map *map;
    struct bpf_program *prog;
    bool good = true;
    int i = 0;
    bpf_object__for_each_map(map, p->skel->obj) {
        if (f->maps[i] >= 0)
            good &= bpf_map__reuse_fd(map, f->maps[i]) == 0;
        i++;
    }
    i = 0;
    bpf_object__for_each_program(prog, p->skel->obj) {
        if (f->programs[i] >= 0)
            good &= loaded_elsewhere(prog, f->programs[i]);
        f->programs[i++] = -1; /* it is not ours to close any more */
    }
    p->skel->bss = f->bss;
    p->joined_bss = f->bss;
    f->bss = NULL;
    let_go(f);
    p->dns_errno = f->set.dns_error;
    return good ? 0 : -ENOMEM;
}

int set_join(struct programs *p, bool *joined) {
    struct found *f = malloc(sizeof(*f));
    bool there = false;
    for (__u32 id = 0; f && !there && bpf_map_get_next_id(id, &id) == 0;) {
        int fd = bpf_map_get_fd_by_id(id);
        if (fd < 0 && errno == EPERM)
            break;
        there = fd >= 0 && see_set(f, p, fd);
        if (fd >= 0)
            close(fd);
    }
    int err = there ? take(p, f) : 0;
    free(f);
    *joined = p->shared = there && !err;
    return err;
}

int set_describe(struct programs *p, bool open) {
    struct ag_set *set = &p->skel->bss->set;
    struct bpf_map *map;
    struct bpf_program *prog;
    int i = 0;
    bpf_object__for_each_map(map, p->skel->obj) {
        if (i == AG_SET_MAPS)
            return -E2BIG;
        set->maps[i++] = bpf_map__autocreate(map) ? id_of_map(bpf_map__fd(map)) : 0;
    }
    i = 0;
    bpf_object__for_each_program(prog, p->skel->obj) {
        if (i == AG_SET_PROGRAMS)
            return -E2BIG;
        set->programs[i++] = loaded_fd(prog) >= 0 ? id_of_program(loaded_fd(prog)) : 0;
    }
    set->tier = p->tier;
    set->dns_error = p->dns_errno;
    p->shared = open;
    set->build = open ? AGENTGOV_BUILD : 0;
    return 0;
}

/* What the number's last owner has left in rows. */
static int wipe_rows(const struct programs *p, uint32_t agent) {
    static const struct ag_policy none = {0};
    int cpus = libbpf_num_possible_cpus(), err = 0;
    struct ag_counters *zeros = cpus > 0 ? calloc(cpus, sizeof(*zeros)) : NULL;
    if (!zeros)
        return -ENOMEM;
    if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.counters), &agent, zeros, BPF_ANY))
        err = -errno;
    for (__u32 head = 0; head < AG_HEADS && !err; head++) {
        __u32 row = agent * AG_HEADS + head;
        if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.policy), &row, &none, BPF_ANY))
            err = -errno;
    }
    for (__u32 what = 0; what < AG_UNMARKED_ROWS && !err; what++) {
        __u32 row = agent * AG_UNMARKED_ROWS + what;
        __u64 zero = 0;
        if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.unmarked), &row, &zero, BPF_ANY))
            err = -errno;
    }
    free(zeros);
    return err;
}

int set_enter(struct programs *p, const char *agent_id) {
    for (uint32_t agent = 1; agent < AG_AGENTS; agent++) {
        struct ag_agent *row = row_of(p, agent);
        uint32_t nobody = 0;
        if (!__atomic_compare_exchange_n(&row->loader, &nobody, getpid(), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        row->since = holder_start(getpid());
        row->policy_head = row->log_failed = row->scripts_kept = row->scripts_lost = row->kept = 0;
        snprintf(row->name, sizeof(row->name), "%s", agent_id);
        __atomic_add_fetch(&row->life, 1, __ATOMIC_SEQ_CST);
        p->members.agent = agent;
        int err = wipe_rows(p, agent);
        return err ? err : agent_maps_put(&p->own, agent);
    }
    return -EUSERS;
}

void set_note_links(struct programs *p, int tier_links) {
    struct ag_set *set = &p->skel->bss->set;
    set->links_count = 0;
    for (int i = 0; i < links_count() && i < AG_SET_LINKS; i++) {
        __u32 program;
        set->links[i] = id_of_link(links_fd(i), &program);
        if (!set->links[i])
            set->build = 0; /* nobody else can hold that */
    }
    set->tier_links = tier_links;
    set->links_count = links_count();
}

/*
 * Frees a number that is nobody's any more. A program that has found it at a process may still use it, and hand it on
 * to a child; so first there is nobody left who has it.
 */
static void free_number(struct programs *p, uint32_t agent) {
    struct members m = {.bytes = p->members.bytes, .agent = agent};
    struct ag_agent *row = row_of(p, agent);
    members_give_all(&m, AG_NOBODY);
    __atomic_add_fetch(&row->life, 1, __ATOMIC_SEQ_CST);
    members_barrier(); /* of those that were told as what outlives it */
    (void)wipe_rows(p, agent);
    (void)agent_maps_take_out(&p->own, agent);
    row->kept = 0;
    __atomic_store_n(&row->loader, 0, __ATOMIC_SEQ_CST);
}

void set_sweep(struct programs *p) {
    for (uint32_t agent = 1; agent < AG_AGENTS; agent++) {
        struct ag_agent *row = row_of(p, agent);
        struct members m = {.bytes = p->members.bytes, .agent = agent};
        if (!row->loader || agent == p->members.agent || is_alive(row))
            continue;
        /* Who takes it over has its members first, and reads its counts then. */
        if (!row->kept || (!members_next(&m, 1) && !kept_is_there(row->name, row->kept)))
            free_number(p, agent);
    }
}

void set_unmap(struct programs *p) {
    if (p->joined_bss)
        munmap(p->joined_bss, page_rounded(sizeof(*p->skel->bss)));
    p->joined_bss = NULL;
}

/* Is there anybody but us? */
static bool is_shared_now(const struct programs *p) {
    for (uint32_t agent = 1; agent < AG_AGENTS; agent++)
        if (agent != p->members.agent && row_of(p, agent)->loader)
            return true;
    return false;
}

void set_leave(struct programs *p, bool locked) {
    if (!p->members.agent)
        return;
    if (locked && is_shared_now(p))
        free_number(p, p->members.agent);
    else
        members_give_all(&p->members,
                         AG_NOBODY); /* what else is left goes with the set, or somebody else clears it away */
    p->members.agent = AG_NOBODY;
}
