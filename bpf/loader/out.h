/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The way to stdout: large writes, and a limit to what may wait for a reader that does not read. */
#ifndef AGENTGOV_OUT_H
#define AGENTGOV_OUT_H

#include <sys/uio.h>
#include "buf.h"

#define OUT_LIMIT (8 << 20)
#define OUT_PIECES 16

struct out {
    int fd;
    struct buf buf; /* [sent, len) waits */
    size_t sent;
    size_t tried; /* what waited when the reader was last offered something */
    bool closed;  /* nobody reads any more */
};

/* False without memory. Pipes and sockets stop blocking; a terminal or file is left as it is. */
bool out_init(struct out *o, int fd);
void out_free(struct out *o);

static inline size_t out_waiting(const struct out *o) {
    return o->buf.len - o->sent;
}

/* May another event be appended? Control lines may always be, they are few. */
static inline bool out_room(const struct out *o) {
    return out_waiting(o) < OUT_LIMIT;
}

/* Where to append; a line of LINE_BYTES fits whenever out_room() says so. */
struct buf *out_buf(struct out *o);

/*
 * Appends pieces, OUT_PIECES at most and together less than a line. Where they are large the reader is offered them as
 * they stand, behind what waits, and only what it does not take is copied.
 */
void out_put(struct out *o, const struct iovec *pieces, int count);

/* Writes what the reader takes without waiting. */
void out_flush(struct out *o);

/* The same, but only when there is a good deal more to offer than last time. */
void out_flush_large(struct out *o);

/* Waits until the reader has taken something or `deadline` (CLOCK_BOOTTIME, ns) has passed. False when it has not. */
bool out_drain_some(struct out *o, uint64_t deadline);

#endif
