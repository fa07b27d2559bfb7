/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include "kin.h"

void kin_free(struct kin *k) {
    free(k->slots);
    memset(k, 0, sizeof(*k));
}

/* The slot of an identity, or the free one where it would be. The table is never full. */
static struct kinsman *slot_of(const struct kin *k, const struct ag_id *id) {
    __u64 h = (id->start ^ ((__u64)id->pid << 40)) * 0x9e3779b97f4a7c15ULL;
    for (size_t i = h >> 20;; i++) {
        struct kinsman *slot = &k->slots[i % k->cap];
        if (!slot->id.start || (slot->id.start == id->start && slot->id.pid == id->pid))
            return slot;
    }
}

struct kinsman *kin_find(const struct kin *k, const struct ag_id *id) {
    struct kinsman *slot = k->cap ? slot_of(k, id) : NULL;
    return slot && slot->id.start ? slot : NULL;
}

static bool grow(struct kin *k) {
    struct kin larger = {.count = k->count, .cap = k->cap ? 2 * k->cap : 1024};
    larger.slots = calloc(larger.cap, sizeof(*larger.slots));
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < k->cap; i++)
        if (k->slots[i].id.start)
            *slot_of(&larger, &k->slots[i].id) = k->slots[i];
    kin_free(k);
    *k = larger;
    return true;
}

struct kinsman *kin_add(struct kin *k, const struct ag_id *id) {
    if (2 * k->count >= k->cap && !grow(k))
        return NULL;
    struct kinsman *slot = slot_of(k, id);
    if (!slot->id.start) {
        *slot = (struct kinsman){.id = *id};
        k->count++;
    }
    return slot;
}
