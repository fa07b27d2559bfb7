/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "event.h"
#include "out.h"

#define OUT_BYTES (2 * OUT_LIMIT)
#define OUT_PIPE (1 << 20)
#define OUT_OFFER (256 << 10)
#define OUT_DIRECT (32 << 10) /* so much is not copied when it can be helped */
_Static_assert(OUT_BYTES - OUT_LIMIT > 2 * LINE_BYTES, "room for a line and what control has to say beside it");

bool out_init(struct out *o, int fd) {
    *o = (struct out){.fd = fd};
    struct stat st;
    if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))) {
        int size = OUT_PIPE;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        /* Only a matter of speed: fewer, larger hand-overs. */
        if (S_ISFIFO(st.st_mode))
            fcntl(fd, F_SETPIPE_SZ, size);
        else
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
    return buf_alloc(&o->buf, OUT_BYTES);
}

void out_free(struct out *o) {
    buf_free(&o->buf);
}

struct buf *out_buf(struct out *o) {
    if (o->sent > 0 && o->buf.cap - o->buf.len < 2 * LINE_BYTES) {
        memmove(o->buf.data, o->buf.data + o->sent, out_waiting(o));
        o->buf.len -= o->sent;
        o->sent = 0;
    }
    return &o->buf;
}

void out_flush(struct out *o) {
    while (out_waiting(o) > 0 && !o->closed) {
        ssize_t n = write(o->fd, o->buf.data + o->sent, out_waiting(o));
        if (n > 0) {
            o->sent += n;
        } else if (n < 0 && errno == EAGAIN) {
            o->tried = out_waiting(o);
            return;
        } else if (n < 0 && errno != EINTR) {
            o->closed = true;
        }
    }
    buf_reset(&o->buf);
    o->sent = o->tried = 0;
}

/* Offers what waits and the pieces behind it. How many bytes of the pieces were taken. */
static size_t offer(struct out *o, const struct iovec *pieces, int count) {
    size_t waiting = out_waiting(o);
    struct iovec all[1 + OUT_PIECES] = {{.iov_base = o->buf.data + o->sent, .iov_len = waiting}};
    memcpy(all + 1, pieces, count * sizeof(*pieces));
    ssize_t n = writev(o->fd, all, count + 1);
    if (n < 0) {
        o->closed = errno != EAGAIN && errno != EINTR;
        o->tried = waiting;
        return 0;
    }
    if ((size_t)n < waiting) {
        o->sent += n;
        o->tried = out_waiting(o);
        return 0;
    }
    buf_reset(&o->buf);
    o->sent = o->tried = 0;
    return n - waiting;
}

void out_put(struct out *o, const struct iovec *pieces, int count) {
    size_t size = 0, taken = 0;
    for (int i = 0; i < count; i++)
        size += pieces[i].iov_len;
    bool keeps_up = o->tried == 0 || out_waiting(o) + size >= o->tried + OUT_OFFER;
    if (size >= OUT_DIRECT && keeps_up && !o->closed)
        taken = offer(o, pieces, count);
    for (int i = 0; i < count; i++) {
        size_t skip = taken < pieces[i].iov_len ? taken : pieces[i].iov_len;
        buf_put(&o->buf, (char *)pieces[i].iov_base + skip, pieces[i].iov_len - skip);
        taken -= skip;
    }
}

void out_flush_large(struct out *o) {
    if (out_waiting(o) >= o->tried + OUT_OFFER)
        out_flush(o);
}

bool out_drain_some(struct out *o, uint64_t deadline) {
    size_t before = out_waiting(o);
    for (;;) {
        out_flush(o);
        uint64_t now = clock_now();
        if (out_waiting(o) < before || before == 0)
            return !o->closed;
        if (now >= deadline)
            return false;
        struct pollfd p = {.fd = o->fd, .events = POLLOUT};
        poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1);
    }
}
