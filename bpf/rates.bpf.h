/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How often a rule lets something through (`max`): the same groups as in src/policy/engine/rate.ts, so that replay
 * counts alike. A row belongs to one rule, and goes on with it under the next policy.
 *
 * Before 5.11 there is no lock for these programs, and before 5.12 no compare-and-swap. So each group is claimed as a
 * scratch slot is (emit.bpf.h): who reads back exactly 1 owns it, who does not goes on to the next. A group lets
 * through its number and then nothing for a whole window, whoever owns it meanwhile: all of them together never more
 * than `max`.
 */
#ifndef AGENTGOV_RATES_H
#define AGENTGOV_RATES_H

/* Its room is set by the loader: that of policy.h where there is something to enforce. */
PER_AGENT(
    rates, struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __uint(key_size, sizeof(__u32));
        __uint(value_size, sizeof(struct ag_rate));
    });

/* Has this group room at this time? */
static __always_inline bool has_room(const struct ag_rate *r, const struct ag_rate_group *g, __u64 now) {
    return g->used < r->each || g->last + r->window <= now;
}

/* Lets one more through as one of that group; 0: it has no room, or somebody else owns it. */
__attribute__((noinline)) int admit_in(__u32 agent, __u32 row, __u32 at, __u64 now) {
    struct ag_rate *r = own_entry(&rates, agent, &row);
    int passes = 0;
    if (!r)
        return 0;
    at = bounded(at, AG_RATE_GROUPS - 1);
    struct ag_rate_group *g = &r->group[at];
    if (!has_room(r, g, now))
        return 0;
    __sync_fetch_and_add(&g->users, 1);
    if (*(volatile __u64 *)&g->users == 1 && has_room(r, g, now)) {
        g->used = g->used < r->each ? g->used + 1 : 1;
        if (g->last < now)
            g->last = now;
        r->at = at;
        passes = 1;
    }
    __sync_fetch_and_add(&g->users, -1);
    return passes;
}

#define ADMIT_STEPS 16

/* Tries up to ADMIT_STEPS groups from `from` on. */
__attribute__((noinline)) int admit_step(__u32 agent, __u32 row, __u32 from, __u64 now) {
    struct ag_rate *r = own_entry(&rates, agent, &row);
    __u32 groups = r ? r->groups : 0;
    for (__u32 i = 0; i < ADMIT_STEPS; i++) {
        __u32 at = from + i;
        if (at >= groups)
            at -= groups;
        if (at >= groups)
            break;
        if (admit_in(agent, row, at, now))
            return 1;
    }
    return 0;
}

/* May one more pass at this time? From the group that is being filled on, they stand in the order of their times. */
__attribute__((noinline)) int admit(__u32 agent, __u32 row, __u64 now) {
    struct ag_rate *r = own_entry(&rates, agent, &row);
    __u32 groups = r ? r->groups : 0, from = r ? r->at : 0;
    for (__u32 i = 0; i < AG_RATE_GROUPS / ADMIT_STEPS; i++) {
        if (i * ADMIT_STEPS >= groups)
            break;
        if (admit_step(agent, row, from, now))
            return 1;
        from += ADMIT_STEPS;
        if (from >= groups)
            from -= groups;
    }
    return 0;
}

#endif
