/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a reader that takes what it wants when it wants: what comes out is what was put in, in that order. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include "check.h"
#include "loader/event.h"
#include "loader/out.h"

#define PIECE (16 << 10)
#define TOTAL (48u << 20)

/* Byte `at` of the stream: no two places near each other look alike. */
static char byte_at(size_t at) {
    return (char)((at * 2654435761u) >> 13);
}

struct reader {
    int fd;
    size_t read; /* and all of it was right */
};

/* Reads up to `most` bytes of what is there. */
static void read_some(struct reader *r, size_t most) {
    static char bytes[1 << 16];
    while (most > 0) {
        ssize_t n = read(r->fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes));
        if (n <= 0)
            return;
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i] != byte_at(r->read + i)) {
                CHECK(!"a byte is out of its place");
                return;
            }
        r->read += n;
        most -= n;
    }
}

static size_t put_text(struct out *o, size_t at, size_t len) {
    struct buf *b = out_buf(o);
    for (size_t i = 0; i < len; i++)
        buf_char(b, byte_at(at + i));
    CHECK(!b->over);
    return at + len;
}

static size_t put_pieces(struct out *o, size_t at, __u64 *seed) {
    static char bytes[OUT_PIECES][PIECE];
    struct iovec pieces[OUT_PIECES];
    int count = 1 + next_random(seed) % OUT_PIECES;
    for (int i = 0; i < count; i++) {
        /* Mostly whole ones, as of a large body; the last is any. */
        size_t len = i + 1 < count ? PIECE : 1 + next_random(seed) % PIECE;
        for (size_t j = 0; j < len; j++)
            bytes[i][j] = byte_at(at + j);
        pieces[i] = (struct iovec){.iov_base = bytes[i], .iov_len = len};
        at += len;
    }
    out_put(o, pieces, count);
    memset(bytes, 0, sizeof(bytes)); /* nobody may look at them later */
    return at;
}

/* Lines and pieces, to a reader that takes `greed` KB at a time and now and then nothing. */
static void arrives(int to, int from, size_t greed) {
    struct out o;
    struct reader r = {.fd = from};
    __u64 seed = greed;
    size_t put = 0, most = 0;
    fcntl(from, F_SETFL, O_NONBLOCK);
    CHECK(out_init(&o, to));
    while (put < TOTAL) {
        while (out_room(&o) && next_random(&seed) % 64) {
            put = put_text(&o, put, next_random(&seed) % 300);
            if (next_random(&seed) % 4 == 0)
                put = put_pieces(&o, put, &seed);
            out_flush_large(&o);
            if (next_random(&seed) % 8 == 0)
                read_some(&r, greed << 10);
            most = out_waiting(&o) > most ? out_waiting(&o) : most;
        }
        if (next_random(&seed) % 4)
            read_some(&r, greed << 10);
        out_flush(&o);
        CHECK(!o.closed);
        if (failures)
            break;
    }
    while (out_waiting(&o) > 0 && !failures) {
        read_some(&r, greed << 10);
        out_flush(&o);
    }
    read_some(&r, SIZE_MAX);
    CHECK(r.read == put);
    CHECK(most < OUT_LIMIT + 2 * LINE_BYTES);
    out_free(&o);
    close(to);
    close(from);
}

static void through_a_socket(size_t greed) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    arrives(ends[0], ends[1], greed);
}

static void through_a_pipe(size_t greed) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    arrives(ends[1], ends[0], greed);
}

/* A reader that reads nothing is not offered large pieces again and again: each offer is a system call. */
static void waits_for_who_does_not_read(void) {
    int ends[2];
    struct out o;
    static char bytes[PIECE * 4];
    struct iovec piece = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && out_init(&o, ends[0]));
    for (int i = 0; i < 100 && !o.tried; i++)
        out_put(&o, &piece, 1);
    CHECK(o.tried > 0);
    size_t tried = o.tried, waiting = out_waiting(&o);
    out_put(&o, &piece, 1);
    CHECK(o.tried == tried && out_waiting(&o) == waiting + sizeof(bytes));
    out_free(&o);
    close(ends[0]);
    close(ends[1]);
}

static void notices_that_nobody_reads(void) {
    int ends[2];
    struct out o;
    static char bytes[PIECE * 4];
    struct iovec piece = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && out_init(&o, ends[0]));
    close(ends[1]);
    out_put(&o, &piece, 1);
    CHECK(o.closed);
    out_flush(&o);
    CHECK(out_waiting(&o) == 0);
    out_free(&o);
    close(ends[0]);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    for (size_t greed = 1; greed <= 1024; greed *= 8) {
        through_a_socket(greed);
        through_a_pipe(greed);
    }
    waits_for_who_does_not_read();
    notices_that_nobody_reads();
    return summary("out");
}
