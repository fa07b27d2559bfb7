/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process that was there before us runs and has open, told as records of the same form as the kernel's. */
#ifndef AGENTGOV_REPORT_H
#define AGENTGOV_REPORT_H

#include "merge.h"
#include "process.h"

struct agentgov_bpf;

/*
 * Pushes an exec, and an open or connect for each descriptor, of every process in `pids`, all marked as preexisting.
 * The launcher of `monitor -- CMD` is left out but for its descriptors: nobody asked what we ourselves run. Returns how
 * many records found no memory.
 */
size_t report_running(const struct agentgov_bpf *skel, struct processes *t, struct merge *m, const uint32_t *pids,
                      size_t count);

#endif
