/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two rings of the kernel, read into the merge. */
#ifndef AGENTGOV_RINGS_H
#define AGENTGOV_RINGS_H

#include <stdbool.h>
#include <bpf/libbpf.h>
#include "loss.h"
#include "merge.h"

struct rings {
    struct ring_buffer *critical, *bulk;
    struct merge *merge;
    struct losses *losses;
    size_t left; /* records that may still be taken in this reading */
};

/* 0, or a negative errno. */
int rings_open(struct rings *r, int critical, int bulk, struct merge *merge, struct losses *losses);
void rings_close(struct rings *r);

/*
 * Takes what is there, as far as the merge wants it and for a bounded time. True when both rings are empty now. *taken
 * is the number of records.
 */
bool rings_read(struct rings *r, size_t *taken);

/* Readable when a ring has something. */
int rings_critical_fd(const struct rings *r);
int rings_bulk_fd(const struct rings *r);

#endif
