/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside of the event room: what each kind adds to the line. Only event*.c include this. */
#ifndef AGENTGOV_EVENT_FILL_H
#define AGENTGOV_EVENT_FILL_H

#include "event.h"
#include "path.h"

/* False: the record is malformed for its kind. */
bool fill_file(struct events *ev, const struct record *r, struct line *l);
bool fill_mount(struct events *ev, const struct record *r, struct line *l);
bool fill_process(struct events *ev, const struct record *r, struct process *p, struct line *l);
bool fill_network(struct events *ev, const struct record *r, struct line *l);
bool fill_security(struct events *ev, const struct record *r, struct line *l);

/* Bytes as text, and as hexadecimal in `hex` where the text alone is not exact. */
void fill_bytes(struct events *ev, struct line *l, enum field text, enum field hex, const char *bytes, size_t n);

/* Bytes as text in a field that has no twin. */
void fill_text(struct events *ev, struct line *l, enum field f, const char *bytes, size_t n);

/* A path with its twin; for `path` itself also how far it is to be trusted. Nothing when it is not known. */
void fill_path(struct events *ev, struct line *l, enum field text, enum field hex, const struct path *path);

/* The JSON text that was written to the scratch since `from`, as the value of `f`; nothing when that is nothing. */
static inline void fill_scratch(struct events *ev, struct line *l, enum field f, size_t from) {
    if (ev->scratch.len > from)
        line_json(l, f, ev->scratch.data + from, ev->scratch.len - from);
}

static inline enum syscall_op op_of_record(const struct events *ev, const struct record *r) {
    return syscalls_find(&ev->syscalls, r->head.nr, r->head.flags & AG_F_IA32)->op;
}

/* The peer or local address of a record as text ("127.0.0.1", IPv4-mapped ones as IPv4); false for other families. */
struct address {
    unsigned family; /* AF_UNSPEC: none was given */
    unsigned port;
    char ip[48];
    const char *path; /* AF_UNIX, with its length; abstract names keep their leading NUL */
    size_t path_len;
};
bool address_parse(const struct part *part, struct address *out);

#endif
