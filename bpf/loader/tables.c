/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "include/agents.h"
#include "pidns.h"
#include "tables.h"
#include "tiers.h"

#define PROGRAM "task_newtask" /* every loader has it once, and it uses `members` and the constants */
#define MAPS_MAX 64            /* the kernel's own limit of maps that one program uses (MAX_USED_MAPS) */

struct search {
    const struct agentgov_bpf *own;
    uint32_t pid;
    bool member, known_namespace;
    bool has_table;
    size_t agents; /* of the table that is looked at; 0: they are not known, so it counts as one */
};

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int look_up(struct search *s, int fd) {
    struct ag_member_row row;
    uint32_t key = s->pid / AG_MEMBER_ROW;
    if (bpf_map_lookup_elem(fd, &key, &row))
        return -errno;
    s->has_table = true;
    s->member |= row.agent[s->pid % AG_MEMBER_ROW] != AG_NOBODY;
    return 0;
}

/* Constants of another version may lie elsewhere: only those of our own size can be read. */
static int read_constants(struct search *s, int fd, const struct bpf_map_info *info) {
    const char *own = (const char *)s->own->rodata, *at = (const char *)&s->own->rodata->own_pidns;
    char *bytes = calloc(1, info->value_size + sizeof(__u64));
    uint32_t zero = 0;
    if (!bytes)
        return -ENOMEM;
    int err = bpf_map_lookup_elem(fd, &zero, bytes) ? -errno : 0;
    if (!err && info->value_size == bpf_map__value_size(s->own->maps.rodata))
        s->known_namespace = memcmp(bytes + (at - own), &pidns_own.ns, sizeof(pidns_own.ns)) == 0;
    free(bytes);
    return err;
}

/* How many agents share that table: the variables of a set say so, if they are laid out as ours. */
static int count_agents(struct search *s, int fd, const struct bpf_map_info *info) {
    if (info->value_size != bpf_map__value_size(s->own->maps.bss))
        return 0;
    struct agentgov_bpf__bss *bss = malloc(info->value_size);
    uint32_t zero = 0;
    int err = !bss ? -ENOMEM : bpf_map_lookup_elem(fd, &zero, bss) ? -errno : 0;
    for (int agent = 1; agent < AG_AGENTS && !err; agent++)
        s->agents += bss->agents[agent].loader != 0;
    free(bss);
    return err;
}

static int see_map(struct search *s, uint32_t id) {
    struct bpf_map_info info = {};
    __u32 len = sizeof(info);
    int fd = bpf_map_get_fd_by_id(id), err = fd < 0 ? -errno : 0;
    if (!err && bpf_obj_get_info_by_fd(fd, &info, &len))
        err = -errno;
    if (!err && strcmp(info.name, "members") == 0 && info.value_size == sizeof(struct ag_member_row) &&
        info.max_entries == AG_MEMBER_ROWS)
        err = look_up(s, fd);
    else if (!err && ends_with(info.name, ".rodata"))
        err = read_constants(s, fd, &info);
    else if (!err && ends_with(info.name, ".bss"))
        err = count_agents(s, fd, &info);
    if (fd >= 0)
        close(fd);
    return err;
}

static int see_program(struct search *s, uint32_t id) {
    __u32 maps[MAPS_MAX];
    struct bpf_prog_info info = {.map_ids = (uintptr_t)maps, .nr_map_ids = MAPS_MAX};
    __u32 len = sizeof(info);
    int fd = bpf_prog_get_fd_by_id(id), err = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno; /* unloaded since */
    s->has_table = s->known_namespace = false;
    if (bpf_obj_get_info_by_fd(fd, &info, &len))
        err = -errno;
    bool ours = !err && strcmp(info.name, PROGRAM) == 0;
    for (__u32 i = 0; ours && !err && i < info.nr_map_ids && i < MAPS_MAX; i++)
        err = see_map(s, maps[i]);
    if (!err && s->has_table && !s->known_namespace)
        err = -EXDEV;
    close(fd);
    return err;
}

int tables_ask(const struct agentgov_bpf *own, uint32_t pid, bool *member, size_t *count, char *why, size_t size) {
    struct search s = {.own = own, .pid = pid};
    uint32_t id = 0;
    int err = 0;
    *count = 0;
    while (!err && !(err = bpf_prog_get_next_id(id, &id) ? -errno : 0)) {
        err = see_program(&s, id);
        if (s.has_table)
            *count += s.agents ? s.agents : 1;
        s.has_table = false;
        s.agents = 0;
    }
    if (err == -ENOENT) /* no further program */
        err = 0;
    *member = s.member;
    if (err == -EPERM)
        snprintf(why, size, "the kernel's tables can be read with CAP_SYS_ADMIN only");
    else if (err == -EXDEV)
        snprintf(why, size, "the table of an agentgov of another version, or in another PID namespace, cannot be read");
    else if (err)
        snprintf(why, size, "the kernel's tables could not be read (%s)", strerror(-err));
    return err;
}
