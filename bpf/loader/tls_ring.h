/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring of TLS plaintext. It is many times what the other rings carry, and is not allowed to push that out: what has
 * been taken from it waits here until its time has come and the reader is not behind. With so much waiting no more is
 * taken, and what then finds no room in the kernel is counted there.
 */
#ifndef AGENTGOV_TLS_RING_H
#define AGENTGOV_TLS_RING_H

#include <bpf/libbpf.h>
#include "event.h"
#include "loss.h"
#include "out.h"

struct tls_block;

struct tls_ring {
    struct ring_buffer *ring; /* NULL: nothing is captured */
    struct losses *losses;
    struct tls_block *first, *last; /* records in the order in which they were made */
    struct tls_block *spare;        /* empty ones, for the next */
    unsigned spares;
    size_t bytes;  /* of the records that wait */
    __u64 written; /* records */
};

/* 0, or a negative errno. */
int tls_ring_open(struct tls_ring *t, int map, struct losses *losses);
void tls_ring_close(struct tls_ring *t);

/* Takes what is there, as far as there is room for it. True when the ring is empty now. */
bool tls_ring_read(struct tls_ring *t);

/* Writes what happened up to `until`, as far as the reader keeps up. True when nothing of it is left. */
bool tls_ring_write(struct tls_ring *t, struct out *out, __u64 until);

#endif
