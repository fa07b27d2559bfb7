/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "event.h"
#include "merge.h"

#define FIRST_CAP 1024

void merge_init(struct merge *m, size_t limit) {
    *m = (struct merge){.limit = limit};
}

void merge_free(struct merge *m) {
    for (size_t i = 0; i < m->count; i++)
        free(m->heap[i].held);
    free(m->heap);
    *m = (struct merge){0};
}

static bool before(const struct merge_item *a, const struct merge_item *b) {
    return a->ktime != b->ktime ? a->ktime < b->ktime : a->order < b->order;
}

static bool grow(struct merge *m) {
    size_t cap = m->cap ? 2 * m->cap : FIRST_CAP;
    struct merge_item *heap = realloc(m->heap, cap * sizeof(*heap));
    if (!heap)
        return false;
    m->heap = heap;
    m->cap = cap;
    return true;
}

bool merge_push(struct merge *m, const void *record, size_t size, unsigned flags) {
    if (m->count == m->cap && !grow(m))
        return false;
    struct held *held = malloc(sizeof(*held) + size);
    if (!held)
        return false;
    held->size = size;
    held->flags = flags;
    memcpy(held->bytes, record, size);
    struct merge_item item = {.order = m->arrivals++, .held = held};
    memcpy(&item.ktime, held->bytes + offsetof(struct ag_record, ktime), sizeof(item.ktime));
    if (item.ktime < m->written)
        held->flags |= EVENT_LATE;
    size_t i = m->count++;
    for (; i > 0 && before(&item, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
        m->heap[i] = m->heap[(i - 1) / 2];
    m->heap[i] = item;
    m->bytes += size;
    return true;
}

struct held *merge_take(struct merge *m, uint64_t now, uint64_t *ktime) {
    if (m->count == 0 || (merge_due(m) > now && !merge_full(m)))
        return NULL;
    struct merge_item first = m->heap[0], last = m->heap[--m->count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->count)
            break;
        if (child + 1 < m->count && before(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!before(&m->heap[child], &last))
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = last;
    m->bytes -= first.held->size;
    /* Pushed in time, but another that is later was taken out of turn (too much was held). */
    if (first.ktime < m->written)
        first.held->flags |= EVENT_LATE;
    else
        m->written = first.ktime;
    *ktime = first.ktime;
    return first.held;
}

void merge_done(struct held *held) {
    free(held);
}

uint64_t merge_due(const struct merge *m) {
    return m->count ? m->heap[0].ktime + MERGE_WINDOW_NS : UINT64_MAX;
}
