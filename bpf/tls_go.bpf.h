/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls into Go's crypto/tls. */
#ifndef AGENTGOV_TLS_GO_H
#define AGENTGOV_TLS_GO_H

/* runtime.g begins with the bounds of the goroutine's stack. */
struct go_stack {
    __u64 low, high;
};

/* Where a function of Go is, at its entry and at its return alike. False when its goroutine cannot be read. */
static __always_inline bool go_frame(struct pt_regs *ctx, struct tls_frame *frame, struct go_stack *stack) {
    frame->ids = current_ids() >> 32;
    frame->goroutine = ctx->AG_GO_GOROUTINE;
    if (bpf_probe_read_user(stack, sizeof(*stack), (void *)frame->goroutine)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        return false;
    }
    frame->stack = stack->high - AG_STACK(ctx);
    return true;
}

static __always_inline struct tls_goroutine goroutine_of(const struct tls_frame *frame) {
    return (struct tls_goroutine){.goroutine = frame->goroutine, .tgid = frame->ids};
}

/*
 * (*Conn).Read and Write, whose entry runs again when there was no room on the stack. No connection is begun here: that
 * is for the handshake to do, which may be within this call.
 */
static __always_inline int on_go_enter(struct pt_regs *ctx) {
    struct tls_frame frame;
    struct go_stack stack;
    if (!is_member(current_ids() >> 32) || !go_frame(ctx, &frame, &stack))
        return 0;
    struct tls_call call = {.key = tls_key_of(AG_GO_ARG1(ctx)), .buffer = AG_GO_ARG2(ctx), .room = AG_GO_ARG3(ctx)};
    if (call.buffer >= stack.low && call.buffer < stack.high) {
        call.buffer = stack.high - call.buffer;
        call.on_stack = 1;
    }
    if (own_put(&tls_calls, current_agent(), &frame, &call))
        count_lost(AG_CLASS_TLS, AG_LOSS_TABLE_FULL);
    struct tls_connection *c = own_entry(&tls_connections, current_agent(), &call.key);
    if (!c || !c->has_peer) {
        struct tls_goroutine goroutine = goroutine_of(&frame);
        own_put(&tls_goroutines, current_agent(), &goroutine, &call.key);
    }
    return 0;
}

/* Their return: (int, error). Several goroutines may be in calls on one connection, none is in another's. */
static __always_inline int on_go_leave(struct pt_regs *ctx, enum ag_tls what) {
    struct tls_frame frame;
    struct go_stack stack;
    if (!is_member(current_ids() >> 32) || !go_frame(ctx, &frame, &stack))
        return 0;
    struct tls_call *there = own_entry(&tls_calls, current_agent(), &frame);
    if (!there)
        return 0;
    struct tls_call call = *there;
    own_remove(&tls_calls, current_agent(), &frame);
    struct tls_goroutine goroutine = goroutine_of(&frame);
    own_remove(&tls_goroutines, current_agent(), &goroutine);
    __s64 n = AG_GO_RESULT1(ctx);
    if (n <= 0)
        return 0;
    struct tls_connection *c = (__u64)n <= call.room ? tls_connection_of(&call.key, true, AG_TLS_GO) : NULL;
    if (!c) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        return 0;
    }
    __u64 *moved = what == AG_TLS_OUT ? &c->moved[1] : &c->moved[0];
    __u64 offset = *moved;
    *moved = offset + n;
    tls_data(what, c->number, call.on_stack ? stack.high - call.buffer : call.buffer, offset, n);
    return 0;
}

/*
 * (*Conn).clientHandshake and serverHandshake: a connection begins. A client that lets its server handshake again
 * (tls.Config.Renegotiation) is told as two.
 */
static __always_inline int on_go_handshake(struct pt_regs *ctx) {
    __u32 tgid = current_ids() >> 32;
    if (!is_member(tgid))
        return 0;
    struct tls_key key = tls_key_of(AG_GO_ARG1(ctx));
    struct tls_goroutine goroutine = {.goroutine = ctx->AG_GO_GOROUTINE, .tgid = tgid};
    own_put(&tls_goroutines, current_agent(), &goroutine, &key);
    return tls_begun(key.object, AG_TLS_GO);
}

/* hostnameInSNI(string) string, within a client's handshake, returns what it asks the server for: "" for an address. */
static __always_inline int on_go_name(struct pt_regs *ctx) {
    __u32 tgid = current_ids() >> 32;
    __u64 from = AG_GO_RESULT1(ctx), length = AG_GO_RESULT2(ctx);
    struct tls_goroutine goroutine = {.goroutine = ctx->AG_GO_GOROUTINE, .tgid = tgid};
    if (!is_member(tgid) || !length || length >= TLS_NAME_BYTES)
        return 0;
    struct tls_key *key = own_entry(&tls_goroutines, current_agent(), &goroutine);
    struct tls_connection *c = key ? own_entry(&tls_connections, current_agent(), key) : NULL;
    __u32 slot;
    struct scratch *s = c ? tls_begin(AG_TLS_NAME, c->number, &slot) : NULL;
    if (!s)
        return 0;
    __u32 at = part_begin(s, AG_PART_DATA, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (bpf_probe_read_user(&s->data[off], bounded(length - 1, TLS_NAME_BYTES - 1) + 1, (void *)from)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
    } else {
        part_end(s, at, length);
        tls_send(s);
    }
    scratch_release(s);
    return 0;
}

static __always_inline int on_go_close(struct pt_regs *ctx) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_key key = tls_key_of(AG_GO_ARG1(ctx));
    tls_end(&key);
    return 0;
}

#endif
