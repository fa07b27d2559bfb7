/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "stream.h"

static bool has_room(void *arg) {
    struct stream *s = arg;
    return out_room(s->out);
}

static void write_count(void *arg, const void *bytes, size_t size, enum ag_class cls, struct process *p, __u64 count) {
    struct stream *s = arg;
    struct record r;
    if (bytes && record_parse(bytes, size, &r) && event_write(&s->events, out_buf(s->out), &r, p, 0, s->now, count))
        s->emitted[cls]++;
    else
        losses_add(s->losses, cls, LOSS_MEMORY, count);
}

bool stream_init(struct stream *s, const char *agent_id, struct fold_map map, struct losses *losses, struct out *out) {
    memset(s, 0, sizeof(*s));
    s->losses = losses;
    s->out = out;
    s->processes = processes_new();
    if (!s->processes)
        return false;
    struct fold_sink sink = {.arg = s, .room = has_room, .count = write_count};
    s->folds = folds_new(map, sink, s->processes);
    return s->folds && buf_alloc(&s->joined, RECORD_SIZE_MAX) && events_init(&s->events, agent_id);
}

void stream_free(struct stream *s) {
    events_free(&s->events);
    objects_free(&s->objects);
    buf_free(&s->joined);
    if (s->folds)
        folds_free(s->folds);
    if (s->processes)
        processes_free(s->processes);
}

static void write_line(struct stream *s, const struct record *r, struct process *p, unsigned flags, __u64 ktime) {
    bool is_event = r->head.kind != AG_DNS && r->head.kind != AG_TLS;
    bool written = is_event                 ? event_write(&s->events, out_buf(s->out), r, p, flags, ktime, 0)
                   : r->head.kind == AG_DNS ? event_write_dns(&s->events, out_buf(s->out), r, p)
                                            : event_write_tls(out_buf(s->out), r, 0);
    if (!written)
        losses_add(s->losses, r->head.cls, LOSS_MALFORMED, 1);
    else if (is_event)
        s->emitted[r->head.cls]++;
}

/* What was counted before an exec was done by the program that is replaced by it. */
static void write_exec(struct stream *s, const struct record *r, unsigned flags, __u64 ktime) {
    struct process *p = processes_of(s->processes, &r->head);
    struct path exe;
    path_of_record(r, false, &exe);
    if (p)
        folds_tell(s->folds, p);
    p = processes_exec(s->processes, &r->head, exe.bytes, exe.len);
    write_line(s, r, p, flags, ktime);
}

/* The counts of a process come before its end. */
static bool write_exit(struct stream *s, const struct record *r, unsigned flags, __u64 ktime) {
    struct process *p = processes_of(s->processes, &r->head);
    if (p && !folds_end(s->folds, p))
        return false;
    write_line(s, r, p, flags, ktime);
    if (p)
        processes_exit(s->processes, p);
    s->exits++;
    return true;
}

/* A record that a repeat may be counted under is kept as its event showed it, with the names of its object. */
static void keep_fold(struct stream *s, const struct record *r, const void *bytes, size_t size, struct process *p,
                      bool joined) {
    if (joined) {
        size = record_pack(r, s->joined.data, s->joined.cap);
        bytes = s->joined.data;
    }
    folds_keep(s->folds, r, bytes, size, p);
}

static void write_call(struct stream *s, struct record *r, const void *bytes, size_t size, unsigned flags,
                       __u64 ktime) {
    /* What is no system call (the end of a connection) comes from anywhere between an object and its call. */
    const struct syscall_name *call = syscalls_find(&s->events.syscalls, r->head.nr, r->head.flags & AG_F_IA32);
    bool joined = call->json && objects_join(&s->objects, r, call->op);
    struct process *p = processes_of(s->processes, &r->head);
    write_line(s, r, p, flags, ktime);
    if (r->head.flags & AG_F_FOLDS)
        keep_fold(s, r, bytes, size, p, joined);
}

bool stream_write(struct stream *s, const void *bytes, size_t size, unsigned flags, __u64 ktime) {
    struct record r;
    if (ktime > s->now)
        s->now = ktime;
    if (!record_parse(bytes, size, &r)) {
        losses_add(s->losses, AG_CLASS_SECURITY, LOSS_MALFORMED, 1);
        return true;
    }
    /* Of a policy: what came of the call is another record. */
    if (r.head.flags & AG_F_VERDICT || r.head.kind == AG_GAP) {
        write_line(s, &r, processes_of(s->processes, &r.head), flags, ktime);
        return true;
    }
    switch (r.head.kind) {
    case AG_OBJECT:
        if (r.head.flags & AG_F_URING) /* no call will follow */
            write_line(s, &r, processes_of(s->processes, &r.head), flags, ktime);
        else
            objects_put(&s->objects, &r, bytes, size);
        return true;
    case AG_FORK:
        write_line(s, &r, processes_fork(s->processes, &r.head), flags, ktime);
        return true;
    case AG_EXEC:
        write_exec(s, &r, flags, ktime);
        return true;
    case AG_EXIT:
        return write_exit(s, &r, flags, ktime);
    default:
        write_call(s, &r, bytes, size, flags, ktime);
        return true;
    }
}

static void bury_missing(struct stream *s, bool (*is_member)(void *arg, __u32 pid), void *arg) {
    for (struct process *p = s->processes->alive.oldest, *next; p; p = next) {
        next = p->newer;
        bool missing = !is_member(arg, p->pid);
        if (missing && p->missing && folds_end(s->folds, p))
            processes_exit(s->processes, p);
        else
            p->missing = missing;
    }
}

void stream_sweep(struct stream *s, bool (*is_member)(void *arg, __u32 pid), void *arg, bool caught_up) {
    folds_sweep(s->folds, caught_up);
    if (caught_up)
        bury_missing(s, is_member, arg);
}
