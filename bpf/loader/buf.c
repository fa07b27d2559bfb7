/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include "buf.h"

bool buf_alloc(struct buf *b, size_t cap) {
    *b = (struct buf){.data = malloc(cap), .cap = cap};
    return b->data != NULL;
}

void buf_free(struct buf *b) {
    free(b->data);
    *b = (struct buf){0};
}

/* printf costs ten times as much, and a line has eight numbers. */
void buf_u64(struct buf *b, uint64_t n) {
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = '0' + n % 10;
        n /= 10;
    } while (n);
    buf_put(b, digits + at, sizeof(digits) - at);
}

void buf_i64(struct buf *b, int64_t n) {
    if (n < 0)
        buf_char(b, '-');
    buf_u64(b, n < 0 ? -(uint64_t)n : (uint64_t)n);
}
