/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "agent_maps.h"

int agent_maps_plan(struct agent_maps *m, struct bpf_object *object) {
    struct bpf_map *map;
    m->count = 0;
    bpf_object__for_each_map(map, object) {
        if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY_OF_MAPS)
            continue;
        if (m->count == AGENT_MAPS_MAX)
            return -ENOSPC;
        const struct bpf_map *one = bpf_map__inner_map(map);
        m->maps[m->count++] = (struct agent_map){.all = map,
                                                 .fd = -1,
                                                 .type = bpf_map__type(one),
                                                 .key_size = bpf_map__key_size(one),
                                                 .value_size = bpf_map__value_size(one),
                                                 .entries = bpf_map__max_entries(one)};
    }
    return 0;
}

void agent_maps_size(struct agent_maps *m, const struct bpf_map *all, uint32_t entries) {
    for (size_t i = 0; i < m->count; i++)
        if (m->maps[i].all == all)
            m->maps[i].entries = entries;
}

static int make(struct agent_map *m) {
    const struct bpf_map *one = bpf_map__inner_map(m->all);
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = bpf_map__map_flags(one));
    m->fd = bpf_map_create(m->type, bpf_map__name(m->all), m->key_size, m->value_size, m->entries, &options);
    return m->fd < 0 ? -errno : bpf_map__set_inner_map_fd(m->all, m->fd); /* all others will be like this one */
}

int agent_maps_make(struct agent_maps *m) {
    int err = 0;
    for (size_t i = 0; i < m->count && !err; i++)
        err = bpf_map__autocreate(m->maps[i].all) ? make(&m->maps[i]) : 0;
    return err;
}

void agent_maps_free(struct agent_maps *m) {
    while (m->count > 0)
        if (m->maps[--m->count].fd >= 0)
            close(m->maps[m->count].fd);
}

const struct agent_map *agent_maps_find(const struct agent_maps *m, const struct bpf_map *all) {
    for (size_t i = 0; i < m->count; i++)
        if (m->maps[i].all == all)
            return &m->maps[i];
    return NULL;
}

int agent_maps_fd(const struct agent_maps *m, const struct bpf_map *all) {
    const struct agent_map *found = agent_maps_find(m, all);
    return found ? found->fd : -1;
}

/*
 * Each change of a map of maps waits until all programs have ended that run (maybe_wait_bpf_programs() in
 * kernel/bpf/syscall.c), some 10 ms. Side by side they wait for the same.
 */
struct change {
    const struct agent_map *map;
    uint32_t agent;
    int fd; /* -1: out */
    int err;
    pthread_t thread;
};

static void *change(void *arg) {
    struct change *c = arg;
    int all = bpf_map__fd(c->map->all);
    int err = c->fd < 0 ? bpf_map_delete_elem(all, &c->agent) : bpf_map_update_elem(all, &c->agent, &c->fd, BPF_ANY);
    c->err = err && !(c->fd < 0 && errno == ENOENT) ? -errno : 0;
    return NULL;
}

static int change_all(const struct agent_maps *m, uint32_t agent, bool in) {
    struct change changes[AGENT_MAPS_MAX];
    bool runs[AGENT_MAPS_MAX];
    int err = 0;
    for (size_t i = 0; i < m->count; i++) {
        runs[i] = false;
        changes[i] = (struct change){.map = &m->maps[i], .agent = agent, .fd = in ? m->maps[i].fd : -1};
        if (m->maps[i].fd < 0) /* nothing is in the kernel that would need it */
            continue;
        runs[i] = pthread_create(&changes[i].thread, NULL, change, &changes[i]) == 0;
        if (!runs[i])
            change(&changes[i]);
    }
    for (size_t i = 0; i < m->count; i++) {
        if (runs[i])
            pthread_join(changes[i].thread, NULL);
        if (!err)
            err = changes[i].err;
    }
    return err;
}

int agent_maps_put(const struct agent_maps *m, uint32_t agent) {
    return change_all(m, agent, true);
}

int agent_maps_take_out(const struct agent_maps *m, uint32_t agent) {
    return change_all(m, agent, false);
}
