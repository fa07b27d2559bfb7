/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a program over all tasks, or over all their files, and takes what it writes. */
#ifndef AGENTGOV_ITER_H
#define AGENTGOV_ITER_H

#include <stddef.h>

struct iter_rows {
    void *bytes; /* kept from one run to the next; iter_free() */
    size_t size, cap;
};

/* `program`: its descriptor. 0, or a negative errno. */
int iter_run(int program, struct iter_rows *out);
void iter_free(struct iter_rows *rows);

#endif
