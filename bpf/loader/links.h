/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The links by which the programs hang, as this process holds them. A link is gone with the last process that holds it,
 * or its last pin.
 */
#ifndef AGENTGOV_LINKS_H
#define AGENTGOV_LINKS_H

#define LINKS_MAX 256

/* Takes over the descriptor of one more. 0; or -ENOSPC, and it is closed. */
int links_add(int fd);
int links_count(void);
int links_fd(int i);

/* Closes them, from the last one down to `from`. */
void links_drop(int from);

#endif
