/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bytes of a call on their way into the ring: in pieces, as many as it takes. */
#ifndef AGENTGOV_TLS_PIECES_H
#define AGENTGOV_TLS_PIECES_H

/* A record with a whole piece, as it stands in the ring. */
struct tls_whole {
    struct ag_record rec;
    struct ag_part part;
    __u8 bytes[AG_TLS_CHUNK];
} __attribute__((packed));

/* Nearly all of a large body is whole pieces: of a fixed size, they go straight into the ring. */
static __always_inline void tls_whole_piece(const struct scratch *s, __u64 from) {
    void *ring = map_of(&tls, s->agent);
    struct tls_whole *whole = ring ? bpf_ringbuf_reserve(ring, sizeof(*whole), 0) : NULL;
    if (!whole) {
        count_lost_of(s->agent, AG_CLASS_TLS, AG_LOSS_RING_FULL);
        return;
    }
    if (bpf_probe_read_user(whole->bytes, sizeof(whole->bytes), (void *)from)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        bpf_ringbuf_discard(whole, 0);
        return;
    }
    whole->rec = s->rec;
    whole->rec.size = sizeof(whole->part) + sizeof(whole->bytes);
    whole->rec.parts = 1;
    whole->part = (struct ag_part){.len = sizeof(whole->bytes), .type = AG_PART_DATA};
    bpf_ringbuf_submit(whole, 0);
}

/*
 * One piece of a buffer, behind which a call has moved `after` bytes in others: a function of its own, so that the
 * verifier meets the work once and not for each piece. What cannot be read or finds no room is counted, and the next
 * piece's offset shows the gap.
 */
__attribute__((noinline)) int tls_piece(__u32 slot, __u64 from, __u64 offset, __u64 left, __u64 after) {
    struct scratch *s = scratch_at(slot);
    if (!s || !left)
        return 0;
    __u64 n = left < AG_TLS_CHUNK ? left : AG_TLS_CHUNK;
    s->rec.arg[1] = offset;
    s->rec.arg[2] = left - n + after;
    if (n == AG_TLS_CHUNK) {
        tls_whole_piece(s, from);
        return 0;
    }
    s->rec.size = 0;
    s->rec.parts = 0;
    __u32 at = part_begin(s, AG_PART_DATA, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (bpf_probe_read_user(&s->data[off], bounded(n - 1, AG_TLS_CHUNK - 1) + 1, (void *)from)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        return 0;
    }
    part_end(s, at, n);
    tls_send(s);
    return 0;
}

#define TLS_STEP 64  /* pieces of one tls_pieces() */
#define TLS_STEPS 64 /* of one buffer: 64 MB; what is longer is cut, and counted as lost */

__attribute__((noinline)) int tls_pieces(__u32 slot, __u64 from, __u64 offset, __u64 n, __u64 after) {
    for (__u64 i = 0; i < TLS_STEP; i++) {
        __u64 at = i * AG_TLS_CHUNK;
        if (at >= n)
            break;
        tls_piece(slot, from + at, offset + at, n - at, after);
    }
    return 0;
}

__attribute__((noinline)) int tls_buffer(__u32 slot, __u64 from, __u64 offset, __u64 n, __u64 after) {
    for (__u64 i = 0; i < TLS_STEPS; i++) {
        __u64 at = i * TLS_STEP * AG_TLS_CHUNK;
        if (at >= n)
            break;
        tls_pieces(slot, from + at, offset + at, n - at, after);
    }
    if (n > TLS_STEPS * TLS_STEP * AG_TLS_CHUNK)
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
    return 0;
}

static __always_inline void tls_data(enum ag_tls what, __u64 number, __u64 from, __u64 offset, __u64 n) {
    __u32 slot;
    struct scratch *s = tls_begin(what, number, &slot);
    if (!s)
        return;
    tls_buffer(slot, from, offset, n, 0);
    scratch_release(s);
}

#endif
