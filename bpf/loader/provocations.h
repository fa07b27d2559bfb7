/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a child of the doctor does so that each kernel program has something to see. */
#ifndef AGENTGOV_PROVOCATIONS_H
#define AGENTGOV_PROVOCATIONS_H

#include <sys/types.h>

/*
 * Starts a child that waits for a byte on *go, then provokes everything (inside `folder`, which exists, is empty, and
 * is empty again afterwards) and exits. -1 with errno.
 */
pid_t provocations_start(const char *folder, int *go);

#endif
