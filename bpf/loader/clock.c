/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "clock.h"

static uint64_t read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

uint64_t clock_now(void) {
    return read_clock(CLOCK_BOOTTIME);
}

void clock_sync(struct clock *c) {
    c->offset = read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
}

/* The calendar is worked out once a second; between, three digits change. */
const char *clock_text(struct clock *c, uint64_t ktime) {
    uint64_t ns = c->offset + ktime, second = ns / NS_PER_SEC;
    if (second != c->second || !c->text[0]) {
        time_t t = (time_t)second;
        struct tm tm;
        gmtime_r(&t, &tm);
        char text[80];
        snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.000Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                 tm.tm_hour, tm.tm_min, tm.tm_sec);
        memcpy(c->text, text, CLOCK_TEXT_LEN);
        c->second = second;
    }
    unsigned ms = ns % NS_PER_SEC / NS_PER_MS;
    c->text[20] = '0' + ms / 100;
    c->text[21] = '0' + ms / 10 % 10;
    c->text[22] = '0' + ms % 10;
    return c->text;
}
