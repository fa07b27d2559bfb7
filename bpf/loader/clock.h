/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel stamps with CLOCK_BOOTTIME, people read UTC. */
#ifndef AGENTGOV_CLOCK_H
#define AGENTGOV_CLOCK_H

#include <stdint.h>

#define NS_PER_SEC 1000000000ULL
#define NS_PER_MS 1000000ULL
#define CLOCK_TEXT_LEN 24 /* 2026-04-14T09:23:01.234Z */

struct clock {
    uint64_t offset; /* realtime - boottime, ns */
    uint64_t second; /* the second that `text` holds, since 1970 */
    char text[CLOCK_TEXT_LEN + 1];
};

/* Nanoseconds of CLOCK_BOOTTIME now. */
uint64_t clock_now(void);

/* Takes the difference of the two clocks anew: UTC may be stepped while we run. */
void clock_sync(struct clock *c);

/* `ktime` as UTC with milliseconds, CLOCK_TEXT_LEN bytes, good until the next call. */
const char *clock_text(struct clock *c, uint64_t ktime);

#endif
