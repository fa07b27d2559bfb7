/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The TCP connections that a tree holds when it is attached to. */
#ifndef AGENTGOV_CONNECTIONS_H
#define AGENTGOV_CONNECTIONS_H

struct agentgov_bpf;

/*
 * Has the kernel note every connection that a member holds a descriptor of, so that its end is told. Call it once the
 * members are marked: what they connect or accept from then on is noted without us. 0, or a negative errno.
 */
int connections_adopt(const struct agentgov_bpf *skel);

#endif
