/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* privilege_change, ptrace, signal, kernel_tamper, io_uring_setup. */
#include "event_fill.h"
#include "names.h"

/* ids and counts are 32 bits wide in the call, whatever the register held above. */
static void put_ids(struct buf *b, const __u64 *arg, int n) {
    buf_char(b, '"');
    for (int i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ':');
        if ((__u32)arg[i] == (__u32)-1)
            buf_str(b, "-1");
        else
            buf_u64(b, (__u32)arg[i]);
    }
    buf_char(b, '"');
}

static void fill_privilege(struct events *ev, const struct record *r, struct line *l) {
    struct buf *b = &ev->scratch;
    size_t from = b->len;
    enum field f = F_VALUE;
    line_word(l, F_EVENT_TYPE, "privilege_change");
    switch (op_of_record(ev, r)) {
    case OP_IDS1:
        put_ids(b, r->head.arg, 1);
        break;
    case OP_IDS2:
        put_ids(b, r->head.arg, 2);
        break;
    case OP_IDS3:
        put_ids(b, r->head.arg, 3);
        break;
    case OP_GROUPS:
        buf_str(b, "\"count ");
        buf_u64(b, (__u32)r->head.arg[0]);
        buf_char(b, '"');
        break;
    case OP_UNSHARE:
    case OP_SETNS:
        names_flags(b, CLONE_FLAGS, r->head.arg[0]);
        f = F_FLAGS;
        break;
    default:
        break;
    }
    fill_scratch(ev, l, f, from);
}

static void fill_ptrace(struct events *ev, const struct record *r, struct line *l) {
    line_word(l, F_EVENT_TYPE, "ptrace");
    if (op_of_record(ev, r) == OP_PTRACE) {
        size_t from = ev->scratch.len;
        names_ptrace(&ev->scratch, r->head.arg[0]);
        fill_scratch(ev, l, F_REQUEST, from);
    }
    if ((__s32)r->head.arg[1] > 0)
        line_int(l, F_TARGET_PID, (__s32)r->head.arg[1]);
}

static void fill_signal(struct events *ev, const struct record *r, struct line *l) {
    size_t from = ev->scratch.len;
    line_word(l, F_EVENT_TYPE, "signal");
    names_signal(&ev->scratch, r->head.arg[0]);
    fill_scratch(ev, l, F_SIGNAL, from);
    if ((__s32)r->head.arg[1] != 0) /* a refused one may name a group (negative) */
        line_int(l, F_TARGET_PID, (__s32)r->head.arg[1]);
}

static void fill_tamper(struct events *ev, const struct record *r, struct line *l) {
    line_word(l, F_EVENT_TYPE, "kernel_tamper");
    if (op_of_record(ev, r) != OP_BPF)
        return;
    size_t from = ev->scratch.len;
    names_bpf(&ev->scratch, r->head.arg[0]);
    fill_scratch(ev, l, F_VALUE, from);
}

static void fill_uring(struct events *ev, const struct record *r, struct line *l) {
    size_t from = ev->scratch.len;
    line_word(l, F_EVENT_TYPE, "io_uring_setup");
    if (r->head.nr == AG_NO_NR) /* refused when it was mapped (bpf/enforce_code.bpf.h, rings_by_map) */
        return;
    buf_str(&ev->scratch, "\"entries ");
    buf_u64(&ev->scratch, (__u32)r->head.arg[0]);
    buf_char(&ev->scratch, '"');
    fill_scratch(ev, l, F_VALUE, from);
    from = ev->scratch.len;
    names_flags(&ev->scratch, URING_FLAGS, r->head.arg[1]);
    fill_scratch(ev, l, F_FLAGS, from);
}

bool fill_security(struct events *ev, const struct record *r, struct line *l) {
    switch (r->head.kind) {
    case AG_PRIV:
        fill_privilege(ev, r, l);
        return true;
    case AG_PTRACE:
        fill_ptrace(ev, r, l);
        return true;
    case AG_SIGNAL:
        fill_signal(ev, r, l);
        return true;
    case AG_TAMPER:
        fill_tamper(ev, r, l);
        return true;
    case AG_URING:
        fill_uring(ev, r, l);
        return true;
    }
    return false;
}
