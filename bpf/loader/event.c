/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "event_fill.h"
#include "include/policy.h"
#include "json.h"

bool events_init(struct events *ev, const char *agent_id) {
    memset(ev, 0, sizeof(*ev));
    syscalls_init(&ev->syscalls);
    clock_sync(&ev->clock);
    if (!buf_alloc(&ev->scratch, LINE_BYTES) || !buf_alloc(&ev->agent_id, 6 * strlen(agent_id) + 2))
        return false;
    json_str(&ev->agent_id, agent_id);
    return true;
}

void events_free(struct events *ev) {
    buf_free(&ev->scratch);
    buf_free(&ev->agent_id);
}

void fill_bytes(struct events *ev, struct line *l, enum field text, enum field hex, const char *bytes, size_t n) {
    size_t from = ev->scratch.len;
    bool inexact = json_bytes(&ev->scratch, bytes, n);
    fill_scratch(ev, l, text, from);
    if (inexact) {
        from = ev->scratch.len;
        json_hex(&ev->scratch, bytes, n);
        fill_scratch(ev, l, hex, from);
    }
}

void fill_text(struct events *ev, struct line *l, enum field f, const char *bytes, size_t n) {
    size_t from = ev->scratch.len;
    json_bytes(&ev->scratch, bytes, n);
    fill_scratch(ev, l, f, from);
}

void fill_path(struct events *ev, struct line *l, enum field text, enum field hex, const struct path *path) {
    if (path->len == 0)
        return;
    fill_bytes(ev, l, text, hex, path->bytes, path->len);
    if (!path->resolved)
        line_json(l, F_PATH_RESOLVED, "false", 5);
    if (text == F_PATH && path->deleted)
        line_true(l, F_PATH_DELETED);
}

/* The rule as its number in the policy's tables: whoever compiled them has its name. */
static void fill_rule(struct events *ev, __u64 verdict, struct line *l) {
    size_t from = ev->scratch.len;
    buf_char(&ev->scratch, '"');
    buf_u64(&ev->scratch, (__u32)verdict);
    buf_char(&ev->scratch, '"');
    fill_scratch(ev, l, F_POLICY_RULE, from);
}

static void fill_verdict(struct events *ev, __u64 verdict, struct line *l) {
    bool denies = verdict >> 48 & 1;
    if (denies)
        line_word(l, F_ACTION, "BLOCKED");
    else
        line_word(l, F_ACTION, "WOULD_BLOCK");
    fill_rule(ev, verdict, l);
    switch (verdict >> 32 & 0xff) {
    case AG_NO_APPROVAL:
        line_word(l, F_REASON, "approval_unavailable");
        break;
    case AG_UNRESOLVED:
        line_word(l, F_REASON, "unresolved");
        break;
    case AG_TOO_DEEP:
        line_word(l, F_REASON, "too_deep");
        break;
    case AG_NAMELESS:
        line_word(l, F_REASON, "nameless");
        break;
    case AG_TOO_OFTEN:
        line_word(l, F_REASON, "max_exceeded");
        break;
    case AG_SAME_FILE:
        line_word(l, F_REASON, "same_file");
        break;
    }
}

static void fill_gap(struct events *ev, const struct record *r, struct line *l) {
    struct path path;
    line_word(l, F_EVENT_TYPE, "enforcement_gap");
    line_word(l, F_REASON, "killed");
    if (r->head.fold)
        fill_rule(ev, r->head.fold, l);
    path_of_record(r, false, &path);
    fill_path(ev, l, F_PATH, F_PATH_HEX, &path);
}

static void fill_common(struct events *ev, const struct record *r, struct process *p, unsigned flags, __u64 ktime,
                        __u64 count, struct line *l) {
    const struct ag_record *head = &r->head;
    if (head->flags & AG_F_VERDICT)
        fill_verdict(ev, head->fold, l);
    else
        line_word(l, F_ACTION, "OBSERVED");
    line_json(l, F_AGENT_ID, ev->agent_id.data, ev->agent_id.len);
    if (p) {
        const char *comm;
        size_t len;
        processes_comm(p, head->comm, &comm, &len);
        line_json(l, F_COMM, comm, len);
        if (p->exe)
            line_json(l, F_EXE, p->exe->json, p->exe->len);
        if (p->ppid)
            line_int(l, F_PPID, p->ppid);
        if (p->inner && p->inner != p->pid)
            line_int(l, F_PID_INNER, p->inner);
    } else {
        fill_text(ev, l, F_COMM, head->comm, strnlen(head->comm, sizeof(head->comm)));
    }
    line_int(l, F_PID, head->pid);
    if (head->tid)
        line_int(l, F_TID, head->tid);
    line_int(l, F_UID, head->uid);
    line_int(l, F_GID, head->gid);
    line_int(l, F_START_US, head->start / 1000);
    line_int(l, F_TS_US, ktime / 1000);
    size_t from = ev->scratch.len;
    buf_char(&ev->scratch, '"');
    buf_put(&ev->scratch, clock_text(&ev->clock, ktime), CLOCK_TEXT_LEN);
    buf_char(&ev->scratch, '"');
    fill_scratch(ev, l, F_TIMESTAMP, from);
    line_word(l, F_HASH_PREV, "");
    line_int(l, F_SEQ, 0);
    const struct syscall_name *call = syscalls_find(&ev->syscalls, head->nr, head->flags & AG_F_IA32);
    if (call->json)
        line_json(l, F_SYSCALL, call->json, call->len);
    if (head->ret < 0 && head->ret >= -4095)
        line_int(l, F_ERRNO, -head->ret);
    if (flags & EVENT_LATE)
        line_true(l, F_LATE);
    if (flags & EVENT_PREEXISTING)
        line_true(l, F_PREEXISTING);
    if (count)
        line_int(l, F_COUNT, count);
}

static bool fill_kind(struct events *ev, const struct record *r, struct process *p, struct line *l) {
    switch (r->head.kind) {
    case AG_FORK:
    case AG_EXEC:
    case AG_EXEC_FAIL:
    case AG_EXIT:
        return fill_process(ev, r, p, l);
    case AG_OPEN:
    case AG_PATH:
    case AG_OBJECT:
        return fill_file(ev, r, l);
    case AG_MOUNT:
        return fill_mount(ev, r, l);
    case AG_CONNECT:
    case AG_BIND:
    case AG_LISTEN:
    case AG_SEND:
    case AG_CLOSE:
        return fill_network(ev, r, l);
    case AG_PRIV:
    case AG_PTRACE:
    case AG_SIGNAL:
    case AG_TAMPER:
    case AG_URING:
        return fill_security(ev, r, l);
    case AG_GAP:
        fill_gap(ev, r, l);
        return true;
    }
    return false;
}

bool event_write(struct events *ev, struct buf *out, const struct record *r, struct process *p, unsigned flags,
                 __u64 ktime, __u64 count) {
    struct line l;
    l.have = 0;
    buf_reset(&ev->scratch);
    fill_common(ev, r, p, flags, ktime, count, &l);
    size_t before = out->len;
    if (fill_kind(ev, r, p, &l) && !ev->scratch.over) {
        line_write(&l, out);
        if (!out->over)
            return true;
    }
    out->len = before;
    out->over = false;
    return false;
}
