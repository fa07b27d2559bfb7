/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths as the kernel meets them: a name in a folder, and all folders that lead there (include/guards.h). */
#ifndef AGENTGOV_GUARD_NAMES_H
#define AGENTGOV_GUARD_NAMES_H

#include <stddef.h>
#include "include/guards.h"

struct guard_names {
    size_t count;
    struct ag_guard_name all[AG_GUARD_NAMES_MAX];
};

/* `list` as guards_name() has it. 0, or a negative errno: -E2BIG when they are too many. */
int guard_names_of(struct guard_names *out, const char *list, size_t size);

#endif
