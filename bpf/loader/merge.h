/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Puts the records of all CPUs and both rings into the order of the kernel's clock. Each waits 50 ms for what may still
 * come before it; what comes later than that is not dropped but marked.
 */
#ifndef AGENTGOV_MERGE_H
#define AGENTGOV_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MERGE_WINDOW_NS (50 * 1000000ULL)

/* A record that waits. */
struct held {
    size_t size;
    unsigned flags; /* enum event_flag */
    char bytes[];
};

struct merge_item {
    uint64_t ktime;
    uint64_t order; /* of arrival: equal times keep it */
    struct held *held;
};

struct merge {
    struct merge_item *heap;
    size_t count, cap;
    size_t bytes, limit; /* held now, and when it is enough */
    uint64_t arrivals;
    uint64_t written; /* time of the last one that was taken out */
};

void merge_init(struct merge *m, size_t limit);
void merge_free(struct merge *m);

/* Copies a record in. False without memory. */
bool merge_push(struct merge *m, const void *record, size_t size, unsigned flags);

/* No more should be pushed until some are taken out. */
static inline bool merge_full(const struct merge *m) {
    return m->bytes >= m->limit;
}

/*
 * The earliest record whose window is over at `now`, or, when too much is held, the earliest; NULL when there is none.
 * The caller gives it back to merge_done(). *ktime is its time; EVENT_LATE is set in `flags` where it belongs.
 */
struct held *merge_take(struct merge *m, uint64_t now, uint64_t *ktime);
void merge_done(struct held *held);

/* When merge_take() will have something; UINT64_MAX: nothing is held. */
uint64_t merge_due(const struct merge *m);

#endif
