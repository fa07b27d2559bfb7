/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which privileges this process has, of those that governing needs. */
#ifndef AGENTGOV_CAPABILITIES_H
#define AGENTGOV_CAPABILITIES_H

#include <stdbool.h>
#include <stddef.h>

struct capability {
    const char *name;
    int number;
    bool vital; /* nothing works without it */
};

extern const struct capability CAPABILITIES[];
extern const int CAPABILITIES_COUNT;

bool capability_held(const struct capability *c);

/* False, with one sentence that names them, when a vital one is missing. */
bool capabilities_suffice(char *why, size_t size);

#endif
