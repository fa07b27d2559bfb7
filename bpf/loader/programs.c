/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "include/events.h"
#include "capabilities.h"
#include "clock.h"
#include "guards.h"
#include "kernel_types.h"
#include "links.h"
#include "loaded.h"
#include "pidns.h"
#include "programs.h"
#include "set.h"
#include "tls_probes.h"
#include "written.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"
#define RING_MAX (1u << 30)

/*
 * libbpf writes to stderr, which is for one sentence. What it says last is kept for that sentence; its own state is
 * global, so is this.
 */
static char complaint[512];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list args) {
    if (level != LIBBPF_WARN)
        return 0;
    char text[sizeof(complaint)];
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = '\0';
    if (text[0] && complaint[0] == '\0') /* the first is the cause, the rest is what came of it */
        memcpy(complaint, text, sizeof(complaint));
    return 0;
}

bool programs_have_btf(void) {
    return access(BTF_FILE, R_OK) == 0;
}

/* Rings are powers of two, and whole pages. */
static size_t ring_bytes(size_t wanted) {
    size_t bytes = sysconf(_SC_PAGESIZE);
    while (bytes < wanted && bytes < RING_MAX)
        bytes *= 2;
    return bytes;
}

/* What captures TLS is in the kernel when it is asked for, or not at all. */
static void prepare_tls(struct programs *p, const struct programs_options *options) {
    struct agentgov_bpf *skel = p->skel;
    struct bpf_map *maps[] = {skel->maps.tls,         skel->maps.tls_connections, skel->maps.tls_calls,
                              skel->maps.tls_threads, skel->maps.tls_goroutines,  skel->maps.tls_notices,
                              skel->maps.tls_files,   skel->maps.tls_processes,   skel->maps.plain};
    p->tls = options->tls;
    skel->rodata->tls_on = options->tls;
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && !options->tls; i++)
        bpf_map__set_autocreate(maps[i], false);
    if (!options->tls)
        return;
    bpf_program__set_autoload(skel->progs.sx_mmap, true);
    bpf_program__set_autoload(skel->progs.sx_plain, true);
    tls_probes_prepare(skel);
    if (options->ring_tls)
        agent_maps_size(&p->own, skel->maps.tls, ring_bytes(options->ring_tls));
}

static int prepare(struct programs *p, const struct programs_options *options) {
    struct agentgov_bpf *skel = p->skel;
    int err = agent_maps_plan(&p->own, skel->obj);
    prepare_tls(p, options);
    if (options->ring_bulk)
        agent_maps_size(&p->own, skel->maps.bulk, ring_bytes(options->ring_bulk));
    if (options->ring_critical)
        agent_maps_size(&p->own, skel->maps.critical, ring_bytes(options->ring_critical));
    if (!err)
        err = tier_prepare(skel, &p->own, p->tier, options->enforce);
    /* Nobody may be able to make two names collide in the table of repeats. */
    __u64 keys[2];
    if (!err && getrandom(keys, sizeof(keys), 0) != sizeof(keys))
        err = -errno;
    pidns_tell(skel);
    skel->rodata->fold_key0 = keys[0];
    skel->rodata->fold_key1 = keys[1];
    return err;
}

static bool choose_tier(struct programs *p, const struct programs_options *options, char *why, size_t size) {
    if (options->any_tier) {
        p->tier = tier_choose(TIER_LSM, p->tier_reason, sizeof(p->tier_reason));
        return true;
    }
    p->tier = options->tier;
    if (tier_active(p->tier, p->tier_reason, sizeof(p->tier_reason)))
        return true;
    snprintf(why, size, "Tier %s is not active on this machine (%s); run agentgov doctor to see which one is.",
             tier_names[p->tier], p->tier_reason);
    return false;
}

static int hang_up(struct programs *p, int *tier_links) {
    const char *what = "";
    int err = tier_attach(p->skel, p->tier, &what);
    if (err)
        snprintf(complaint, sizeof(complaint), "%s could not be attached", what);
    *tier_links = links_count();
    if (!err) /* answers are seen through the cgroup hierarchy, which some machines lack */
        p->dns_errno = -dns_attach(p->skel);
    return err;
}

static int load(struct programs *p, const struct kernel_types *types, bool open) {
    int err = kernel_types_fill(types, p->skel->obj), tier_links;
    if (!err)
        err = agentgov_bpf__load(p->skel);
    if (!err)
        err = hang_up(p, &tier_links);
    if (!err)
        err = set_describe(p, open);
    if (!err)
        set_note_links(p, tier_links);
    return err;
}

/* The programs of others that want the same, or else our own ones. */
static int join_or_load(struct programs *p, const struct programs_options *options, const struct kernel_types *types,
                        const char *agent_id) {
    bool locked = !options->alone && set_lock(SET_PATIENCE);
    bool joined = false;
    int err = locked ? set_join(p, &joined) : 0;
    if (locked && !err && !joined)
        guards_share(p);
    if (!err && !joined)
        err = load(p, types, locked);
    if (!err)
        err = members_map(&p->members, bpf_map__fd(p->skel->maps.members));
    if (!err && p->shared)
        set_sweep(p);
    if (!err)
        err = set_enter(p, agent_id);
    if (!err)
        err = guards_enter(p, agent_id);
    set_unlock();
    return err;
}

static int open_and_load(struct programs *p, const struct programs_options *options, const struct kernel_types *types,
                         const char *agent_id) {
    LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = types->path);
    p->skel = agentgov_bpf__open_opts(&opts);
    int err = p->skel ? prepare(p, options) : -errno;
    if (!err)
        err = agent_maps_make(&p->own);
    if (!err)
        err = join_or_load(p, options, types, agent_id);
    return err;
}

static bool refused(int err, char *why, size_t size) {
    snprintf(why, size, "The kernel refused agentgov's programs (%s%s%s); run agentgov doctor to see what it lacks.",
             strerror(-err), complaint[0] ? ": " : "", complaint);
    return false;
}

static bool choose_and_load(struct programs *p, const struct programs_options *options,
                            const struct kernel_types *types, const char *agent_id, char *why, size_t size) {
    if (!choose_tier(p, options, why, size))
        return false;
    p->enforces = options->enforce;
    if (options->enforce && p->tier == TIER_OBSERVE) {
        snprintf(why, size,
                 "This machine can only observe (%s), so nothing could be enforced; run agentgov doctor to see how to "
                 "get a better tier, or agentgov monitor to record.",
                 p->tier_reason);
        return false;
    }
    complaint[0] = '\0';
    int err = open_and_load(p, options, types, agent_id);
    if (!err)
        err = written_begin(p);
    if (!err)
        return true;
    refused(err, why, size);
    programs_unload(p);
    return false;
}

bool programs_load(struct programs *p, const struct programs_options *options, const char *agent_id, char *why,
                   size_t size) {
    memset(p, 0, sizeof(*p));
    libbpf_set_print(keep_complaint);
    if (!programs_have_btf()) {
        snprintf(why, size,
                 "This kernel has no type information (" BTF_FILE
                 "); agentgov needs one built with CONFIG_DEBUG_INFO_BTF, as all current distributions ship.");
        return false;
    }
    if (!capabilities_suffice(why, size))
        return false;
    /* Before 5.11 maps are charged to this limit; later it means nothing. */
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &limit);
    if (!pidns_find(why, size))
        return false;
    struct kernel_types types; /* first of all: the probe of the tier looks into them too (kernel_btf.h) */
    bool loaded = kernel_types_open(&types) ? choose_and_load(p, options, &types, agent_id, why, size)
                                            : refused(-errno, why, size);
    kernel_types_close(&types);
    return loaded;
}

void programs_detach(void) {
    links_drop(0);
}

void programs_unload(struct programs *p) {
    programs_detach();
    if (p->members.bytes) {
        set_leave(p, p->shared && set_lock(0));
        set_unlock();
    }
    guards_leave(p);
    members_unmap(&p->members);
    loaded_close();
    agent_maps_free(&p->own);
    set_unmap(p);
    agentgov_bpf__destroy(p->skel);
    p->skel = NULL;
}

/* The kernel says it in the fd's own file; bpf_map_info does not have it. */
static size_t map_bytes(int fd) {
    char path[64], line[128];
    size_t bytes = 0;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "memlock: %zu", &bytes) == 1)
            break;
    if (file)
        fclose(file);
    return bytes;
}

size_t programs_map_bytes(const struct programs *p) {
    size_t bytes = 0;
    struct bpf_map *map;
    bpf_object__for_each_map(map, p->skel->obj) bytes += map_bytes(bpf_map__fd(map));
    for (size_t i = 0; i < p->own.count; i++)
        bytes += map_bytes(p->own.maps[i].fd);
    return bytes;
}
