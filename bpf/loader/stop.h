/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ends the whole tree: first everybody is frozen, until nobody new appears, then all are killed, until nobody is left.
 * Freezing first means that no process sees another die and starts it again.
 */
#ifndef AGENTGOV_STOP_H
#define AGENTGOV_STOP_H

#include "members.h"

struct stop {
    bool active;
    int64_t id; /* of the command that asked */
    bool killing;
    unsigned quiet;                  /* passes in a row that met nobody new */
    uint64_t freeze_until, deadline; /* CLOCK_BOOTTIME, ns */
    size_t killed, left;
    uint8_t *frozen, *dead; /* one bit a pid: has got its SIGSTOP, its SIGKILL */
};

/* False without memory. */
bool stop_begin(struct stop *s, int64_t id, uint64_t now);

/* One pass over the members. True when it is over: `killed` and `left` then say how. */
bool stop_step(struct stop *s, const struct members *m, uint64_t now);

void stop_end(struct stop *s);

#endif
