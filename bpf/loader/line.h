/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One event line under construction: values by field, written in one go in the order that the canonical form wants
 * (keys sorted by code point). Whoever fills a field in need not know what comes before it.
 */
#ifndef AGENTGOV_LINE_H
#define AGENTGOV_LINE_H

#include "buf.h"

/* Every field that the loader writes, in the order of the names; line_field_name() and the unit test hold it to that.
 */
enum field {
    F_ACCESS,
    F_ACTION,
    F_AGENT_ID,
    F_ARGV,
    F_ARGV_BYTES,
    F_ARGV_CUT,
    F_BYTES_IN,
    F_BYTES_OUT,
    F_CGROUP,
    F_COMM,
    F_CONTAINER_ID,
    F_COUNT,
    F_CWD,
    F_DEST_IP,
    F_DEST_PORT,
    F_ERRNO,
    F_EVENT_TYPE,
    F_EXE,
    F_EXIT_CODE,
    F_FLAGS,
    F_GID,
    F_HASH_PREV,
    F_INTERPRETER,
    F_LATE,
    F_LOCAL_IP,
    F_LOCAL_PORT,
    F_PATH,
    F_PATH_DELETED,
    F_PATH_HEX,
    F_PATH_RESOLVED,
    F_PATH_TO,
    F_PATH_TO_HEX,
    F_PID,
    F_PID_INNER,
    F_POLICY_RULE,
    F_PPID,
    F_PREEXISTING,
    F_PROTOCOL,
    F_REASON,
    F_REQUEST,
    F_SCRIPT,
    F_SCRIPT_WRITTEN,
    F_SEQ,
    F_SIGNAL,
    F_START_US,
    F_SYSCALL,
    F_TARGET_PID,
    F_TID,
    F_TIMESTAMP,
    F_TS_US,
    F_UID,
    F_VALUE,
    F_WRITTEN,
    FIELD_MAX,
};

struct value {
    const char *json; /* finished JSON text, or NULL: then `number` is the value */
    size_t len;
    int64_t number;
};

struct line {
    uint64_t have; /* one bit a field */
    struct value values[FIELD_MAX];
};

const char *line_field_name(enum field f);

static inline void line_json(struct line *l, enum field f, const char *json, size_t len) {
    l->values[f] = (struct value){.json = json, .len = len};
    l->have |= 1ULL << f;
}

static inline void line_int(struct line *l, enum field f, int64_t number) {
    l->values[f] = (struct value){.number = number};
    l->have |= 1ULL << f;
}

static inline void line_true(struct line *l, enum field f) {
    line_json(l, f, "true", 4);
}

/* A word of our own that needs no escaping, given as a literal. */
#define line_word(l, f, literal) line_json((l), (f), "\"" literal "\"", sizeof(literal) + 1)

/* Writes the object and an LF. */
void line_write(const struct line *l, struct buf *out);

#endif
