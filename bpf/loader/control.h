/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The loader's own lines, those with "msg": what is said about the conversation, not about the agent. */
#ifndef AGENTGOV_CONTROL_H
#define AGENTGOV_CONTROL_H

#include "buf.h"
#include <linux/types.h>
#include "include/events.h"
#include "kept.h"

#define PROTOCOL_VERSION 1

struct hello {
    const char *tier, *tier_reason;
    bool leaky;               /* this kernel skips verdicts of tier hook now and then */
    const char *const *notes; /* NULL at the end */
};

struct stats {
    size_t processes, folds, map_bytes;
    __u64 emitted[AG_CLASS_MAX], lost[AG_CLASS_MAX];
};

void control_hello(struct buf *out, const struct hello *hello);

/* `id` is that of the command, or NULL where none asked. */
void control_error(struct buf *out, const int64_t *id, const char *code, const char *text);

void control_governing(struct buf *out, int64_t id, const uint32_t *pids, size_t count, size_t processes);
void control_stopped(struct buf *out, int64_t id, size_t killed, size_t left);
void control_member(struct buf *out, int64_t id, uint32_t pid, bool member);
void control_tables(struct buf *out, int64_t id, uint32_t pid, bool member, size_t tables);
/* So many entries of a policy's table are in the kernel. */
void control_policy(struct buf *out, int64_t id, size_t entries);
/* Whether what decides is pinned now. */
void control_keeping(struct buf *out, int64_t id, bool pinned);
void control_taken_over(struct buf *out, int64_t id, const struct kept_account *account);
void control_empty(struct buf *out);
void control_stats(struct buf *out, int64_t id, const struct stats *stats);
void control_bye(struct buf *out, const struct stats *stats);

#endif
