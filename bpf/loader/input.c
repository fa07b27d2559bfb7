/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "input.h"

static void take_lines(struct input *in, void (*take)(void *arg, const char *line, size_t len), void *arg) {
    char *start = in->line, *end = in->line + in->len, *lf;
    while ((lf = memchr(start, '\n', end - start))) {
        if (in->skipping)
            take(arg, "", 0);
        else
            take(arg, start, lf - start);
        in->skipping = false;
        start = lf + 1;
    }
    in->len = end - start;
    memmove(in->line, start, in->len);
}

void input_read(struct input *in, void (*take)(void *arg, const char *line, size_t len), void *arg) {
    ssize_t n = read(in->fd, in->line + in->len, sizeof(in->line) - in->len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        in->ended = true;
        return;
    }
    in->len += n;
    take_lines(in, take, arg);
    if (in->len == sizeof(in->line)) {
        in->skipping = true;
        in->len = 0;
    }
}
