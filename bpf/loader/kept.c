/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "clock.h"
#include "ids.h"
#include "kept.h"
#include "pidns.h"
#include "tiers.h"

#define BPFFS "/sys/fs/bpf"
#define ROOT BPFFS "/agentgov"

static bool is_bpffs(void) {
    struct statfs fs;
    return statfs(BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* Root's alone: who else could write here could put other maps in the place of ours. */
static bool is_ours(const char *path) {
    struct stat s;
    return lstat(path, &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == geteuid() && !(s.st_mode & 077);
}

static int make_folder(const char *path) {
    if (mkdir(path, 0700) == 0 || (errno == EEXIST && is_ours(path)))
        return 0;
    return errno == EEXIST ? -EPERM : -errno;
}

bool kept_possible(char *why, size_t size) {
    int err = is_bpffs() || mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0 ? 0 : -errno;
    if (!err)
        err = make_folder(ROOT);
    if (!err && access(ROOT, W_OK)) /* a file system that is mounted read-only */
        err = -errno;
    if (err)
        snprintf(why, size,
                 "nothing can be pinned to " ROOT " (%s), which needs a bpffs at " BPFFS " (mount -t bpf bpf " BPFFS
                 ") where only root may write",
                 strerror(-err));
    return !err;
}

static void folder_of(const char *agent_id, char *out, size_t size) {
    size_t n = snprintf(out, size, "%s/", ROOT);
    for (const char *c = agent_id; *c && n + 4 < size; c++)
        n += snprintf(out + n, size - n, isalnum((unsigned char)*c) || *c == '-' || *c == '_' ? "%c" : "%%%02X",
                      (unsigned char)*c);
}

/* The id that a folder is for; false: none of ours. */
static bool id_of(const char *folder, char *out, size_t size) {
    size_t n = 0;
    for (const char *c = folder; *c; c++, n++) {
        char hex[3] = {c[0] == '%' ? c[1] : '0', c[0] == '%' && c[1] ? c[2] : '0'}, *end;
        if (n + 1 >= size)
            return false;
        out[n] = *c == '%' ? strtol(hex, &end, 16) : *c;
        if (*c == '%' && (*end || !out[n]))
            return false;
        c += *c == '%' ? 2 : 0;
    }
    out[n] = '\0';
    return n > 0;
}

static int pin_in(const char *folder, const char *name, int fd) {
    char path[KEPT_PATH + 64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return bpf_obj_pin(fd, path) ? -errno : 0;
}

static int get_from(const char *folder, const char *name) {
    char path[KEPT_PATH + 64];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return bpf_obj_get(path);
}

/* Each name of a folder that is there. `each` may take it away. */
static void each_name(const char *folder, void (*each)(void *arg, const char *name), void *arg) {
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            each(arg, entry->d_name);
    if (dir)
        closedir(dir);
}

static void remove_name(void *arg, const char *name) {
    char path[KEPT_PATH + 300];
    snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
    unlink(path);
}

static bool is_link(const char *name) {
    return strncmp(name, "link_", 5) == 0;
}

static void remove_holding(void *arg, const char *name) {
    if (is_link(name) || strcmp(name, "members") == 0)
        remove_name(arg, name);
}

/* A run's folder, and the agent's own if it was the last. False when it is still there. */
static bool remove_run(const char *path) {
    char agent[KEPT_PATH];
    each_name(path, remove_name, (void *)path);
    bool gone = rmdir(path) == 0 || errno == ENOENT;
    snprintf(agent, sizeof(agent), "%.*s", (int)(strrchr(path, '/') - path), path);
    rmdir(agent);
    return gone;
}

static void path_of(const char *folder, __u64 run, char *out, size_t size) {
    snprintf(out, size, "%s/%016llx", folder, (unsigned long long)run);
}

bool kept_is_there(const char *agent_id, __u64 run) {
    char agent[KEPT_AGENT], path[KEPT_PATH];
    folder_of(agent_id, agent, sizeof(agent));
    path_of(agent, run, path, sizeof(path));
    return access(path, F_OK) == 0;
}

static int pin_attendance(struct kept *k, const struct programs *p) {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "attendance", sizeof(__u32), sizeof(struct attendance), 1, &options);
    int err = fd < 0 ? -errno : pin_in(k->path, "attendance", fd);
    void *at = err ? MAP_FAILED : mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!err && at == MAP_FAILED)
        err = -errno;
    if (fd >= 0)
        close(fd);
    if (err)
        return err;
    k->attendance = at;
    *k->attendance =
        (struct attendance){.at = clock_now(), .pidns = pidns_own.ns, .engine = getppid(), .agent = p->members.agent};
    return 0;
}

int kept_pin(struct kept *k, struct programs *p, const char *agent_id) {
    struct agentgov_bpf *skel = p->skel;
    char agent[KEPT_AGENT], why[512];
    if (k->path[0])
        return 0;
    folder_of(agent_id, agent, sizeof(agent));
    int err = kept_possible(why, sizeof(why)) ? make_folder(agent) : -ENOENT;
    if (err)
        return err;
    __u64 run = clock_now();
    path_of(agent, run, k->path, sizeof(k->path));
    err = make_folder(k->path);
    /* The links last: whoever finds one finds the maps. */
    if (!err)
        err = pin_attendance(k, p);
    if (!err)
        err = pin_in(k->path, "counters", bpf_map__fd(skel->maps.counters));
    if (!err)
        err = pin_in(k->path, "members", bpf_map__fd(skel->maps.members));
    if (!err)
        err = pin_in(k->path, "guards", bpf_map__fd(skel->maps.guards));
    if (!err)
        err = pin_in(k->path, "written", agent_maps_fd(&p->own, skel->maps.written));
    if (!err)
        err = pin_in(k->path, "unmarked", bpf_map__fd(skel->maps.unmarked));
    if (!err)
        err = tier_pin(skel, k->path);
    if (err) {
        kept_unpin(k);
        return err;
    }
    k->row = (struct ag_agent *)&skel->bss->agents[p->members.agent];
    k->row->kept = run;
    k->guard = p->guard;
    k->guard->kept = run;
    return 0;
}

void kept_attend(struct kept *k, const struct losses *losses) {
    if (!k->attendance)
        return;
    k->attendance->others = losses_other_records(losses);
    k->attendance->at = clock_now();
}

void kept_unpin(struct kept *k) {
    if (k->row)
        k->row->kept = k->guard->kept = 0;
    if (k->path[0])
        remove_run(k->path);
    if (k->attendance)
        munmap(k->attendance, sysconf(_SC_PAGESIZE));
    *k = (struct kept){0};
}

/* A map that is what it is taken for; else -1. */
static int map_of(const char *folder, const char *name, __u32 key_size, __u32 value_size, __u32 entries) {
    struct bpf_map_info info = {};
    __u32 len = sizeof(info);
    int fd = get_from(folder, name);
    if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.key_size == key_size &&
        info.value_size == value_size && info.max_entries == entries)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* How it was in versions that had one agent a set: its number was 1. */
#define ATTENDANCE_OF_ONE offsetof(struct attendance, agent)

static void read_attendance(struct kept_run *run) {
    __u32 zero = 0;
    int fd = map_of(run->path, "attendance", sizeof(zero), sizeof(run->last), 1);
    if (fd < 0)
        fd = map_of(run->path, "attendance", sizeof(zero), ATTENDANCE_OF_ONE, 1);
    run->last.agent = 1;
    if (fd < 0)
        return;
    if (bpf_map_lookup_elem(fd, &zero, &run->last))
        memset(&run->last, 0, sizeof(run->last));
    close(fd);
}

struct finding {
    struct kept_runs *runs;
    const char *agent, *own;
    int err;
};

static void find_run(void *arg, const char *name) {
    struct finding *f = arg;
    struct kept_run run = {.counters = -1, .written = -1, .unmarked = -1};
    __u32 zero = 0;
    snprintf(run.path, sizeof(run.path), "%s/%s", f->agent, name);
    if (f->err || (f->own && strcmp(run.path, f->own) == 0))
        return;
    if (f->runs->count == KEPT_RUNS_MAX) {
        f->err = -E2BIG;
        return;
    }
    read_attendance(&run);
    int members = map_of(run.path, "members", sizeof(zero), sizeof(struct ag_member_row), AG_MEMBER_ROWS);
    if (run.last.at && run.last.pidns != pidns_own.ns)
        f->err = -EXDEV;
    /* Without the table nobody is known to be held: then it is only taken away. */
    if (members >= 0 && !f->err)
        f->err = members_map(&run.members, members);
    run.members.agent = run.last.agent;
    run.table = members >= 0 ? id_of_map(members) : 0;
    if (members >= 0)
        close(members);
    if (f->err)
        return;
    run.counters = map_of(run.path, "counters", sizeof(zero), sizeof(struct ag_counters), AG_AGENTS);
    run.written = map_of(run.path, "written", sizeof(struct ag_written), sizeof(__u8), AG_WRITTEN_MAX);
    run.unmarked = map_of(run.path, "unmarked", sizeof(zero), sizeof(__u64), AG_AGENTS * AG_UNMARKED_ROWS);
    f->runs->runs[f->runs->count++] = run;
}

int kept_find(struct kept_runs *runs, const char *agent_id, const struct kept *own) {
    char agent[KEPT_AGENT];
    struct finding f = {.runs = runs, .agent = agent, .own = own ? own->path : NULL};
    runs->count = 0;
    folder_of(agent_id, agent, sizeof(agent));
    if (!is_bpffs() || !is_ours(ROOT) || !is_ours(agent))
        return 0;
    each_name(agent, find_run, &f);
    if (f.err)
        kept_runs_free(runs);
    return f.err;
}

void kept_runs_free(struct kept_runs *runs) {
    for (size_t i = 0; i < runs->count; i++) {
        members_unmap(&runs->runs[i].members);
        const int fds[] = {runs->runs[i].counters, runs->runs[i].written, runs->runs[i].unmarked};
        for (size_t f = 0; f < sizeof(fds) / sizeof(fds[0]); f++)
            if (fds[f] >= 0)
                close(fds[f]);
    }
    runs->count = 0;
}

bool kept_has(const struct kept_runs *runs, uint32_t pid) {
    for (size_t i = 0; i < runs->count; i++)
        if (runs->runs[i].members.bytes && members_has(&runs->runs[i].members, pid))
            return true;
    return false;
}

uint32_t kept_next(const struct kept_runs *runs, uint32_t pid) {
    uint32_t first = 0;
    for (size_t i = 0; i < runs->count; i++) {
        uint32_t found = runs->runs[i].members.bytes ? members_next(&runs->runs[i].members, pid) : 0;
        if (found && (!first || found < first))
            first = found;
    }
    return first;
}

__u8 kept_number(const struct kept_runs *runs, int members) {
    __u32 table = runs->count ? id_of_map(members) : 0;
    for (size_t i = 0; i < runs->count; i++)
        if (table && runs->runs[i].table == table)
            return runs->runs[i].members.agent;
    return AG_NOBODY;
}

static void add_counts(const struct kept_run *run, struct kept_account *out) {
    int cpus = libbpf_num_possible_cpus();
    struct ag_counters *values = cpus > 0 ? calloc(cpus, sizeof(*values)) : NULL;
    __u32 row = run->members.agent;
    bool read = values && run->counters >= 0 && bpf_map_lookup_elem(run->counters, &row, values) == 0;
    struct losses totals = {.cpus = cpus, .values = values};
    if (read) {
        losses_sum(&totals);
        out->verdicts += totals.records[AG_CLASS_VERDICT];
        out->others_since += losses_other_records(&totals) - run->last.others;
    }
    out->counted &= read;
    free(values);
}

void kept_end(struct kept_runs *runs, struct kept_account *out) {
    uint64_t first = 0;
    *out = (struct kept_account){.runs = runs->count, .counted = true};
    for (uint32_t pid = kept_next(runs, 1); pid; pid = kept_next(runs, pid + 1))
        out->processes++;
    for (size_t i = 0; i < runs->count; i++) {
        const char *path = runs->runs[i].path;
        const struct attendance *last = &runs->runs[i].last;
        if (last->at && (!first || last->at < first)) {
            first = last->at;
            out->engine = last->engine;
        }
        if (last->at > out->since)
            out->since = last->at;
        /* The programs may go on for other agents of the set. */
        if (runs->runs[i].members.bytes)
            members_give_all(&runs->runs[i].members, AG_NOBODY);
        each_name(path, remove_holding, (void *)path);
    }
    members_barrier();
    for (size_t i = 0; i < runs->count; i++)
        add_counts(&runs->runs[i], out);
}

const char *kept_error(int err) {
    switch (-err) {
    case EXDEV:
        return "it was begun in another PID namespace";
    case E2BIG:
        return "too many loaders hold this agent";
    default:
        return strerror(-err);
    }
}

bool kept_forget(const struct kept_runs *runs) {
    bool gone = true;
    for (size_t i = 0; i < runs->count; i++)
        gone &= remove_run(runs->runs[i].path);
    return gone;
}

struct listing {
    void (*each)(void *arg, const char *agent_id);
    void *arg;
};

static void list_agent(void *arg, const char *name) {
    struct listing *l = arg;
    char id[256];
    if (id_of(name, id, sizeof(id)))
        l->each(l->arg, id);
}

struct pinned {
    const char *agent;
    int fd;
};

static void see_guards_of_run(void *arg, const char *name) {
    struct pinned *p = arg;
    char run[KEPT_PATH];
    snprintf(run, sizeof(run), "%s/%s", p->agent, name);
    if (p->fd < 0)
        p->fd = get_from(run, "guards");
}

static void see_guards(void *arg, const char *agent_id) {
    struct pinned *p = arg;
    char agent[KEPT_AGENT];
    folder_of(agent_id, agent, sizeof(agent));
    p->agent = agent;
    if (is_ours(agent))
        each_name(agent, see_guards_of_run, p);
}

int kept_guards(void) {
    struct pinned p = {.fd = -1};
    kept_agents(see_guards, &p);
    return p.fd;
}

struct elsewhere {
    const char *agent_id;
    const uint32_t *pids;
    size_t count;
    char *other;
    size_t size;
};

static void see_other(void *arg, const char *agent_id) {
    struct elsewhere *e = arg;
    struct kept_runs runs;
    if (e->other[0] || strcmp(agent_id, e->agent_id) == 0 || kept_find(&runs, agent_id, NULL))
        return;
    for (size_t i = 0; i < e->count; i++)
        if (kept_has(&runs, e->pids[i]))
            snprintf(e->other, e->size, "%s", agent_id);
    kept_runs_free(&runs);
}

bool kept_elsewhere(const char *agent_id, const uint32_t *pids, size_t count, char *other, size_t size) {
    struct elsewhere e = {agent_id, pids, count, other, size};
    other[0] = '\0';
    kept_agents(see_other, &e);
    return other[0];
}

void kept_agents(void (*each)(void *arg, const char *agent_id), void *arg) {
    struct listing l = {.each = each, .arg = arg};
    if (is_bpffs() && is_ours(ROOT))
        each_name(ROOT, list_agent, &l);
}
