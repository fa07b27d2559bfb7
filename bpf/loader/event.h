/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a record to the line of one event, in the canonical form of the audit log: the other end puts in seq, hash_prev
 * and hash_self and never has to understand it.
 */
#ifndef AGENTGOV_EVENT_H
#define AGENTGOV_EVENT_H

#include "buf.h"
#include "clock.h"
#include "line.h"
#include "process.h"
#include "record.h"
#include "syscalls.h"

/* No line is longer: two names, argv, cwd and script, each byte six times as long when escaped, and hex beside them. */
#define LINE_BYTES (512 << 10)

enum event_flag {
    EVENT_LATE = 1 << 0,        /* came after a later one had been written */
    EVENT_PREEXISTING = 1 << 1, /* was so before the programs were attached */
};

struct events {
    struct clock clock;
    struct syscalls syscalls;
    struct buf scratch;  /* JSON text of the values of the line under construction */
    struct buf agent_id; /* as JSON */
};

/* False without memory. */
bool events_init(struct events *ev, const char *agent_id);
void events_free(struct events *ev);

/*
 * Appends the line of record `r` to `out`, which has LINE_BYTES of room. `p` may be NULL (a process of which nothing
 * is known). `count` is how many further times the same happened (0: it is the event itself) and `ktime` when the
 * line says that it happened. False when the record makes no line (malformed): then nothing has been written.
 */
bool event_write(struct events *ev, struct buf *out, const struct record *r, struct process *p, unsigned flags,
                 __u64 ktime, __u64 count);

/* Appends the control line of an AG_TLS record. `bytes`: of plaintext, which the caller puts behind it. */
bool event_write_tls(struct buf *out, const struct record *r, size_t bytes);

/* Appends the control line of an AG_DNS record. */
bool event_write_dns(struct events *ev, struct buf *out, const struct record *r, struct process *p);

#endif
