/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AGENTGOV_MOUNTS_H
#define AGENTGOV_MOUNTS_H

/*
 * A mount of our own that hangs nowhere: it needs no mount point, no /proc/mounts, and no cleaning up but close().
 * `type`: a file system of which there is one ("cgroup2", "tracefs"). Its root as an fd, or a negative errno.
 */
int mount_private(const char *type);

#endif
