/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One command from stdin: a flat JSON object on one line. Strict: what is not understood is refused, not guessed. */
#ifndef AGENTGOV_COMMAND_H
#define AGENTGOV_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_PIDS_MAX 4096
#define COMMAND_LINE_MAX 65536

enum command_name {
    CMD_NONE,
    CMD_GOVERN,
    CMD_STOP,
    CMD_STATS,
    CMD_MEMBER,
    CMD_TABLES,
    CMD_POLICY,
    CMD_SWAP,
    CMD_CLEAR,
    CMD_BLOCK,
    CMD_UNBLOCK,
    CMD_KEEP,
    CMD_RELEASE,
    CMD_TAKE_OVER,
    CMD_FORGET,
    CMD_GUARD,
    CMD_LEAVE,
    CMD_QUIT
};

struct command {
    enum command_name name;
    bool has_id, has_head;
    int64_t id;
    int64_t head; /* of "swap" */
    size_t pids_count;
    uint32_t pids[COMMAND_PIDS_MAX]; /* of "pids", or the one of "pid" */
    const char *table, *data; /* of "policy", data also of "guard": into the line, not terminated; data is base64 */
    size_t table_len, data_len;
};

/* False when the line is no command; `why` is then one sentence. `has_id` and `id` are set as far as they were read. */
bool command_parse(const char *line, size_t len, struct command *out, const char **why);

#endif
