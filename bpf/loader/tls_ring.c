/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include "record.h"
#include "tls_ring.h"

#define HELD_BYTES (96u << 20)
#define TLS_OUT_LIMIT (OUT_LIMIT / 2) /* with so much unread, all room is for what is not TLS */
#define ENOUGH (-ECANCELED)

#define BLOCK_BYTES (1u << 20)
#define SPARES_MAX 8 /* empty blocks that are kept: memory that is given back would be mapped anew */
#define ALIGN(n) (((n) + 7) & ~(size_t)7)

/* A record from the ring. */
struct held {
    size_t size;
    char bytes[];
};

/* Records one behind the other: [read, used) waits. */
struct tls_block {
    struct tls_block *next;
    size_t read, used;
    char bytes[BLOCK_BYTES];
};

static struct tls_block *block_new(struct tls_ring *t) {
    struct tls_block *b = t->spare;
    if (b) {
        t->spare = b->next;
        t->spares--;
    } else {
        b = malloc(sizeof(*b));
    }
    if (b) {
        b->next = NULL;
        b->read = b->used = 0;
    }
    return b;
}

static void block_done(struct tls_ring *t, struct tls_block *b) {
    if (t->spares == SPARES_MAX) {
        free(b);
        return;
    }
    b->next = t->spare;
    t->spare = b;
    t->spares++;
}

/* Where a record of that size goes; NULL without memory. */
static struct held *held_new(struct tls_ring *t, size_t size) {
    size_t need = ALIGN(sizeof(struct held) + size);
    if (!t->last || BLOCK_BYTES - t->last->used < need) {
        struct tls_block *b = need <= BLOCK_BYTES ? block_new(t) : NULL;
        if (!b)
            return NULL;
        if (t->last)
            t->last->next = b;
        else
            t->first = b;
        t->last = b;
    }
    struct held *h = (void *)(t->last->bytes + t->last->used);
    t->last->used += need;
    h->size = size;
    return h;
}

/* The record that stands there in a block; NULL behind its last one. */
static const struct held *held_at(const struct tls_block *b, size_t at) {
    return at < b->used ? (const void *)(b->bytes + at) : NULL;
}

static size_t behind(size_t at, const struct held *h) {
    return at + ALIGN(sizeof(*h) + h->size);
}

/* The first block's records up to `at` have been dealt with. */
static void drop_until(struct tls_ring *t, size_t at) {
    struct tls_block *b = t->first;
    while (b->read < at) {
        const struct held *h = held_at(b, b->read);
        t->bytes -= h->size;
        b->read = behind(b->read, h);
    }
    if (b->read < b->used)
        return;
    t->first = b->next;
    if (!t->first)
        t->last = NULL;
    block_done(t, b);
}

static int take(void *arg, void *bytes, size_t size) {
    struct tls_ring *t = arg;
    struct held *h = size >= sizeof(struct ag_record) ? held_new(t, size) : NULL;
    if (!h) {
        losses_add(t->losses, AG_CLASS_TLS, size < sizeof(struct ag_record) ? LOSS_MALFORMED : LOSS_MEMORY, 1);
        return 0;
    }
    memcpy(h->bytes, bytes, size);
    t->bytes += size;
    return t->bytes >= HELD_BYTES ? ENOUGH : 0; /* this one is taken all the same */
}

int tls_ring_open(struct tls_ring *t, int map, struct losses *losses) {
    *t = (struct tls_ring){.losses = losses};
    t->ring = ring_buffer__new(map, take, t, NULL);
    return t->ring ? 0 : -errno;
}

void tls_ring_close(struct tls_ring *t) {
    for (struct tls_block *lists[] = {t->first, t->spare}, **list = lists; list < lists + 2; list++)
        while (*list) {
            struct tls_block *next = (*list)->next;
            free(*list);
            *list = next;
        }
    ring_buffer__free(t->ring);
    *t = (struct tls_ring){0};
}

bool tls_ring_read(struct tls_ring *t) {
    return !t->ring || (t->bytes < HELD_BYTES && ring_buffer__consume(t->ring) != ENOUGH);
}

static __u64 time_of(const struct held *h) {
    __u64 ktime;
    memcpy(&ktime, h->bytes + offsetof(struct ag_record, ktime), sizeof(ktime));
    return ktime;
}

/* Plaintext; NULL where the record tells something else. */
static const struct part *data_of(const struct record *r) {
    bool is_data = r->head.kind == AG_TLS && (r->head.arg[3] == AG_TLS_IN || r->head.arg[3] == AG_TLS_OUT);
    return is_data ? record_part(r, AG_PART_DATA, false) : NULL;
}

/* Does the same thread go on with the same stream where a full piece ended? */
static bool goes_on(const struct record *before, const struct record *r) {
    const struct part *full = data_of(before);
    return full->len == AG_TLS_CHUNK && data_of(r) && r->head.arg[0] == before->head.arg[0] &&
           r->head.arg[3] == before->head.arg[3] && r->head.tid == before->head.tid &&
           r->head.arg[1] == before->head.arg[1] + AG_TLS_CHUNK;
}

/* Writes the first record, or as one message the pieces of a stream that begin with it and nothing came between. */
static void write_first(struct tls_ring *t, struct out *out, __u64 until) {
    const struct tls_block *b = t->first;
    const struct held *h = held_at(b, b->read);
    size_t end = behind(b->read, h), bytes = 0;
    struct iovec pieces[OUT_PIECES];
    int count = 0;
    __u64 records = 1;
    struct record told, next;
    bool good = record_parse(h->bytes, h->size, &told);
    const struct part *data = good ? data_of(&told) : NULL;
    while (data) {
        pieces[count++] = (struct iovec){.iov_base = (void *)data->data, .iov_len = data->len};
        bytes += data->len;
        h = held_at(b, end);
        if (count == OUT_PIECES || !h || time_of(h) > until || !record_parse(h->bytes, h->size, &next) ||
            !goes_on(&told, &next))
            break;
        told = next;
        data = data_of(&told);
        end = behind(end, h);
        records++;
    }
    if (data)
        told.head.arg[1] -= bytes - data->len; /* from where the first of them begins */
    if (good && event_write_tls(out_buf(out), &told, bytes)) {
        out_put(out, pieces, count);
        t->written += records;
    } else {
        losses_add(t->losses, AG_CLASS_TLS, LOSS_MALFORMED, records);
    }
    drop_until(t, end);
}

bool tls_ring_write(struct tls_ring *t, struct out *out, __u64 until) {
    while (t->first && time_of(held_at(t->first, t->first->read)) <= until) {
        if (out_waiting(out) >= TLS_OUT_LIMIT)
            return false;
        write_first(t, out, until);
        out_flush_large(out);
    }
    return true;
}
