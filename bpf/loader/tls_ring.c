/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "record.h"
#include "tls_ring.h"

#define HELD_BYTES (96u << 20)
#define TLS_OUT_LIMIT (OUT_LIMIT / 2) /* with so much unread, all room is for what is not TLS */
#define ENOUGH (-ECANCELED)

struct tls_held {
    struct tls_held *next;
    __u64 ktime;
    size_t size;
    char bytes[];
};

static int take(void *arg, void *bytes, size_t size) {
    struct tls_ring *t = arg;
    struct tls_held *held = size >= sizeof(struct ag_record) ? malloc(sizeof(*held) + size) : NULL;
    if (!held) {
        losses_add(t->losses, AG_CLASS_TLS, size < sizeof(struct ag_record) ? LOSS_MALFORMED : LOSS_MEMORY, 1);
        return 0;
    }
    *held = (struct tls_held){.size = size};
    memcpy(held->bytes, bytes, size);
    memcpy(&held->ktime, held->bytes + offsetof(struct ag_record, ktime), sizeof(held->ktime));
    if (t->last)
        t->last->next = held;
    else
        t->first = held;
    t->last = held;
    t->bytes += size;
    return t->bytes >= HELD_BYTES ? ENOUGH : 0; /* this one is taken all the same */
}

static void drop_first(struct tls_ring *t) {
    struct tls_held *held = t->first;
    t->first = held->next;
    if (!t->first)
        t->last = NULL;
    t->bytes -= held->size;
    free(held);
}

int tls_ring_open(struct tls_ring *t, int map, struct losses *losses) {
    *t = (struct tls_ring){.losses = losses};
    t->ring = ring_buffer__new(map, take, t, NULL);
    return t->ring ? 0 : -errno;
}

void tls_ring_close(struct tls_ring *t) {
    while (t->first)
        drop_first(t);
    ring_buffer__free(t->ring);
    *t = (struct tls_ring){0};
}

bool tls_ring_read(struct tls_ring *t) {
    return !t->ring || (t->bytes < HELD_BYTES && ring_buffer__consume(t->ring) != ENOUGH);
}

bool tls_ring_write(struct tls_ring *t, struct out *out, __u64 until) {
    while (t->first && t->first->ktime <= until) {
        struct record r;
        if (out_waiting(out) >= TLS_OUT_LIMIT)
            return false;
        if (record_parse(t->first->bytes, t->first->size, &r) && event_write_tls(out_buf(out), &r))
            t->written++;
        else
            losses_add(t->losses, AG_CLASS_TLS, LOSS_MALFORMED, 1);
        drop_first(t);
        out_flush_large(out);
    }
    return true;
}
