/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AGENTGOV_TRACEPOINT_H
#define AGENTGOV_TRACEPOINT_H

/*
 * Opens the perf event of a tracepoint, to hang a program to: it then runs for every task on every CPU. `section` is
 * "tp/GROUP/NAME". An fd, or a negative errno.
 */
int tracepoint_open(const char *section);

#endif
