/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A child of our own that waits until it is told to go: the programs must know its pid before it does anything. */
#ifndef AGENTGOV_CHILD_H
#define AGENTGOV_CHILD_H

#include <sys/types.h>

/*
 * Starts a child that reads one byte, runs `work` and exits with what that returns. Write the byte to *go and close
 * it; closed without one, the child exits with CHILD_UNTOLD. -1 with errno when there can be no child.
 */
#define CHILD_UNTOLD 2
pid_t child_start(int (*work)(const void *arg), const void *arg, int *go);

#endif
