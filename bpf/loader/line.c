/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "line.h"

_Static_assert(FIELD_MAX <= 64, "`have` has one bit a field");

/* The separator before a key is part of its text: one copy a field. */
#define KEY(f, name) [f] = {name, ", \"" name "\": ", sizeof(name) + 5}
static const struct {
    const char *name;
    const char *text;
    size_t len;
} KEYS[FIELD_MAX] = {
    KEY(F_ACCESS, "access"),
    KEY(F_ACTION, "action"),
    KEY(F_AGENT_ID, "agent_id"),
    KEY(F_ARGV, "argv"),
    KEY(F_ARGV_BYTES, "argv_bytes"),
    KEY(F_ARGV_CUT, "argv_cut"),
    KEY(F_BYTES_IN, "bytes_in"),
    KEY(F_BYTES_OUT, "bytes_out"),
    KEY(F_CGROUP, "cgroup"),
    KEY(F_COMM, "comm"),
    KEY(F_CONTAINER_ID, "container_id"),
    KEY(F_COUNT, "count"),
    KEY(F_CWD, "cwd"),
    KEY(F_DEST_IP, "dest_ip"),
    KEY(F_DEST_PORT, "dest_port"),
    KEY(F_ERRNO, "errno"),
    KEY(F_EVENT_TYPE, "event_type"),
    KEY(F_EXE, "exe"),
    KEY(F_EXIT_CODE, "exit_code"),
    KEY(F_FLAGS, "flags"),
    KEY(F_GID, "gid"),
    KEY(F_HASH_PREV, "hash_prev"),
    KEY(F_INTERPRETER, "interpreter"),
    KEY(F_LATE, "late"),
    KEY(F_LOCAL_IP, "local_ip"),
    KEY(F_LOCAL_PORT, "local_port"),
    KEY(F_PATH, "path"),
    KEY(F_PATH_DELETED, "path_deleted"),
    KEY(F_PATH_HEX, "path_hex"),
    KEY(F_PATH_RESOLVED, "path_resolved"),
    KEY(F_PATH_TO, "path_to"),
    KEY(F_PATH_TO_HEX, "path_to_hex"),
    KEY(F_PID, "pid"),
    KEY(F_PID_INNER, "pid_inner"),
    KEY(F_POLICY_RULE, "policy_rule"),
    KEY(F_PPID, "ppid"),
    KEY(F_PREEXISTING, "preexisting"),
    KEY(F_PROTOCOL, "protocol"),
    KEY(F_REASON, "reason"),
    KEY(F_REQUEST, "request"),
    KEY(F_SCRIPT, "script"),
    KEY(F_SCRIPT_WRITTEN, "script_written"),
    KEY(F_SEQ, "seq"),
    KEY(F_SIGNAL, "signal"),
    KEY(F_START_US, "start_us"),
    KEY(F_SYSCALL, "syscall"),
    KEY(F_TARGET_PID, "target_pid"),
    KEY(F_TID, "tid"),
    KEY(F_TIMESTAMP, "timestamp"),
    KEY(F_TS_US, "ts_us"),
    KEY(F_UID, "uid"),
    KEY(F_VALUE, "value"),
    KEY(F_WRITTEN, "written"),
};

const char *line_field_name(enum field f) {
    return KEYS[f].name;
}

void line_write(const struct line *l, struct buf *out) {
    bool first = true;
    for (uint64_t bits = l->have; bits; bits &= bits - 1) {
        int f = __builtin_ctzll(bits);
        const struct value *v = &l->values[f];
        if (first) {
            buf_char(out, '{');
            buf_put(out, KEYS[f].text + 2, KEYS[f].len - 2);
            first = false;
        } else {
            buf_put(out, KEYS[f].text, KEYS[f].len);
        }
        if (v->json)
            buf_put(out, v->json, v->len);
        else
            buf_i64(out, v->number);
    }
    buf_put(out, "}\n", 2);
}
