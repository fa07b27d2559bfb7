/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers of the kernel's interface as the names that its manual pages give them. */
#ifndef AGENTGOV_NAMES_H
#define AGENTGOV_NAMES_H

#include <stdint.h>
#include "buf.h"
#include "include/events.h"

struct name {
    uint64_t number;
    const char *text;
};

extern const struct name OPEN_FLAGS[], CLONE_FLAGS[], CLONE_NAMESPACES[], RENAME_FLAGS[], MOUNT_FLAGS[], URING_FLAGS[];

/* ["O_CREAT", "O_EXCL"]: the bits that have a name, in the table's order. Writes nothing and returns 0 when none has.
 */
size_t names_flags(struct buf *out, const struct name *table, uint64_t flags);

/* Quoted: "SIGKILL", "SIGRTMIN+2", "SIG0". */
void names_signal(struct buf *out, unsigned number);

/* One quoted name, or the number as text where it has none. */
void names_ptrace(struct buf *out, uint64_t number);
void names_bpf(struct buf *out, uint64_t number);

/* "tcp", "udp", "unix-stream"...: what a socket speaks, of family, type and protocol. Quoted. */
void names_protocol(struct buf *out, unsigned family, unsigned type, unsigned protocol);

/* The words of the protocol to Node. */
extern const char *const CLASS_NAMES[AG_CLASS_MAX], *const LOSS_NAMES[AG_LOSS_MAX];

#endif
