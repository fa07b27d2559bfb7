/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of which each agent has its own (PER_AGENT() in bpf/membership.bpf.h): ours. */
#ifndef AGENTGOV_AGENT_MAPS_H
#define AGENTGOV_AGENT_MAPS_H

#include <stddef.h>
#include <stdint.h>
#include <bpf/libbpf.h>

#define AGENT_MAPS_MAX 32

struct agent_map {
    struct bpf_map *all; /* by number of the agent */
    int fd;              /* our own one; -1: not made yet */
    enum bpf_map_type type;
    uint32_t key_size, value_size, entries;
};

struct agent_maps {
    struct agent_map maps[AGENT_MAPS_MAX];
    size_t count;
};

/* Of an object that has been opened: one of each, as that describes it. 0, or a negative errno. */
int agent_maps_plan(struct agent_maps *m, struct bpf_object *object);

/* Gives ours another size, in entries, or bytes of a ring. libbpf changes that of no map within a map. */
void agent_maps_size(struct agent_maps *m, const struct bpf_map *all, uint32_t entries);

/* Before load: makes them. 0, or a negative errno. */
int agent_maps_make(struct agent_maps *m);
void agent_maps_free(struct agent_maps *m);

const struct agent_map *agent_maps_find(const struct agent_maps *m, const struct bpf_map *all);
int agent_maps_fd(const struct agent_maps *m, const struct bpf_map *all);

/* After load: puts ours in under a number, or takes out what is there. 0, or a negative errno. */
int agent_maps_put(const struct agent_maps *m, uint32_t agent);
int agent_maps_take_out(const struct agent_maps *m, uint32_t agent);

#endif
