/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's number of what a descriptor stands for; 0 where it has none. */
#ifndef AGENTGOV_IDS_H
#define AGENTGOV_IDS_H

#include <linux/types.h>

__u32 id_of_map(int fd);
__u32 id_of_program(int fd);

/* `program`: the id of the one that hangs there. 0: it is no link (before 5.15 a program at a perf event). */
__u32 id_of_link(int fd, __u32 *program);

#endif
