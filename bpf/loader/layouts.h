/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AGENTGOV_LAYOUTS_H
#define AGENTGOV_LAYOUTS_H

#include <linux/types.h>
#include "include/layout.h"

/* A system call that becomes an event. `nr` is the number in the native table, `nr_ia32` in the 32-bit one; -1: none.
 */
struct syscall_layout {
    const char *name;
    int nr, nr_ia32;
    struct ag_layout layout;
};

extern const struct syscall_layout syscall_layouts[];
extern const int syscall_layouts_count;

#endif
