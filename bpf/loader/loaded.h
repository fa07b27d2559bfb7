/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's programs behind those of the object, whether libbpf has loaded them or another loader has, of which it
 * knows nothing (set.h).
 */
#ifndef AGENTGOV_LOADED_H
#define AGENTGOV_LOADED_H

#include <bpf/libbpf.h>

/* Its descriptor, for as long as the set is ours; -1: it is not loaded. */
int loaded_fd(const struct bpf_program *prog);

/* Takes over the descriptor of a program that somebody else has loaded. False when there are too many. */
bool loaded_elsewhere(const struct bpf_program *prog, int fd);

/* Closes those. */
void loaded_close(void);

#endif
