/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The membership tables of all loaders on this machine: what the kernel goes by, whatever their engines say. */
#ifndef AGENTGOV_TABLES_H
#define AGENTGOV_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agentgov_bpf;

/*
 * Looks `pid` up in every table, our own included: *member when one of them has it, *count how many there are. 0; or a
 * negative errno with the end of a sentence in `why`: -EPERM without CAP_SYS_ADMIN, -EXDEV when a table cannot be read
 * (of another version, or with the numbers of another PID namespace).
 */
int tables_ask(const struct agentgov_bpf *own, uint32_t pid, bool *member, size_t *count, char *why, size_t size);

#endif
