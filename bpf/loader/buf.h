/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes appended to a block of fixed size. What does not fit is not written and sets `over`: the caller looks once at
 * the end of a line instead of after each piece, and nothing on the hot path allocates.
 */
#ifndef AGENTGOV_BUF_H
#define AGENTGOV_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *data;
    size_t len, cap;
    bool over;
};

/* Allocates `cap` bytes; false when there is no memory. buf_free() gives them back. */
bool buf_alloc(struct buf *b, size_t cap);
void buf_free(struct buf *b);

/* Decimal digits of a number, as JSON wants them. */
void buf_u64(struct buf *b, uint64_t n);
void buf_i64(struct buf *b, int64_t n);

/* True when `n` more bytes fit. */
static inline bool buf_room(struct buf *b, size_t n) {
    if (b->cap - b->len >= n)
        return true;
    b->over = true;
    return false;
}

static inline void buf_put(struct buf *b, const void *bytes, size_t n) {
    if (buf_room(b, n)) {
        memcpy(b->data + b->len, bytes, n);
        b->len += n;
    }
}

static inline void buf_char(struct buf *b, char c) {
    if (buf_room(b, 1))
        b->data[b->len++] = c;
}

static inline void buf_str(struct buf *b, const char *s) {
    buf_put(b, s, strlen(s));
}

static inline void buf_reset(struct buf *b) {
    b->len = 0;
    b->over = false;
}

#endif
