/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls into the libraries of C: OpenSSL, BoringSSL, GnuTLS. */
#ifndef AGENTGOV_TLS_CALLS_H
#define AGENTGOV_TLS_CALLS_H

#define SSL_CTRL_SET_TLSEXT_HOSTNAME 55 /* openssl/tls1.h; the same in all versions */
#define GNUTLS_NAME_DNS 1               /* gnutls/gnutls.h */
/* What a connection sends at the most that is not plaintext, with long chains of certificates. */
#define TLS_FLIGHTS 65536

/* Entry of whatever moves bytes: f(object, buffer, n) or f(object, buffer, n, size_t *moved). */
static __always_inline int on_enter(struct pt_regs *ctx, enum ag_tls_library library) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_call call = {
        .key = tls_key_of(AG_ARG1(ctx)), .buffer = AG_ARG2(ctx), .room = AG_ARG3(ctx), .result = AG_ARG4(ctx)};
    struct tls_connection *c = tls_connection_of(&call.key, true, library);
    if (!c)
        return 0;
    call.moved[0] = c->moved[0];
    call.moved[1] = c->moved[1];
    struct tls_frame frame = {.ids = bpf_get_current_pid_tgid(), .stack = AG_STACK(ctx)};
    if (own_put(&tls_calls, current_agent(), &frame, &call))
        count_lost(AG_CLASS_TLS, AG_LOSS_TABLE_FULL);
    if (!c->has_peer || c->trial)
        tls_thread_set(frame.ids, &call.key, true, 0);
    return 0;
}

/* Is `more` what encryption makes of `n` bytes, on a connection that may also have sent `extra`? */
static __always_inline bool is_encrypted(__u64 more, __u64 n, __u64 extra) {
    return more > n && more - n <= extra + n / 64;
}

/* False: a call that says to have moved `n` bytes is not what it was taken for. */
static __always_inline bool tls_stands_trial(struct tls_connection *c, const struct tls_call *call, bool out, __u64 n) {
    if (!c->trial)
        return true;
    bool good = c->trial != TLS_FAILED && n <= (__u32)call->room;
    if (out && c->sent && good) {
        good = is_encrypted(c->sent, c->moved[1] + n, TLS_FLIGHTS);
        if (good)
            c->trial = TLS_TRUSTED;
    }
    if (good)
        return true;
    if (c->trial != TLS_FAILED) {
        c->trial = TLS_FAILED;
        struct ag_notice notice = {.kind = AG_NOTICE_FAILED, .pid = call->key.pid, .start = call->key.start};
        notice_send(current_agent(), &notice);
    }
    return false;
}

/*
 * The return of a call. One that was made inside another on the same connection and in the same direction (a library's
 * own wrapper) has moved the count on already: then the outer one has nothing more to tell.
 *
 * A program may run more than once at one entry or return: those of perf events do so at a return for each process that
 * has the function probed, whoever returns (uretprobe_perf_func() in kernel/trace/trace_uprobe.c does not ask), and
 * probes of a process that were taken out and put in again overlap for a moment. The first takes the call.
 */
static __always_inline int tls_leave(struct pt_regs *ctx, enum ag_tls what, bool ex) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_frame frame = {.ids = bpf_get_current_pid_tgid(), .stack = AG_STACK(ctx) - AG_RETURN_POPS};
    struct tls_call *there = own_entry(&tls_calls, current_agent(), &frame);
    if (!there)
        return 0;
    struct tls_call call = *there;
    own_remove(&tls_calls, current_agent(), &frame);
    struct tls_thread *thread = own_entry(&tls_threads, current_agent(), &frame.ids);
    if (thread)
        thread->inside = 0;
    /* int in OpenSSL, ssize_t in GnuTLS, and no call moves 2 GB */
    __s32 result = (__s32)AG_RESULT(ctx);
    if (result <= 0)
        return 0;
    __u64 n = result;
    if (ex && bpf_probe_read_user(&n, sizeof(n), (void *)call.result)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        return 0;
    }
    struct tls_connection *c = tls_connection_of(&call.key, true, AG_TLS_ANY);
    if (!c || !n)
        return 0;
    bool out = what == AG_TLS_OUT;
    __u64 offset = out ? c->moved[1] : c->moved[0];
    if (offset != (out ? call.moved[1] : call.moved[0]) || !tls_stands_trial(c, &call, out, n))
        return 0;
    if (out)
        c->moved[1] = offset + n;
    else
        c->moved[0] = offset + n;
    if (out && !c->has_peer)
        tls_thread_set(frame.ids, &call.key, false, n);
    tls_data(what, c->number, call.buffer, offset, n);
    return 0;
}

/* An object begins as a connection, maybe in the place of another. */
static __always_inline int tls_begun(__u64 object, enum ag_tls_library library) {
    if (!is_member(current_ids() >> 32) || !object)
        return 0;
    struct tls_key key = tls_key_of(object);
    struct tls_connection *there = own_entry(&tls_connections, current_agent(), &key);
    if (there && !there->moved[0] && !there->moved[1])
        return 0; /* this very one, in the same call (see tls_leave) */
    tls_end(&key);
    tls_connect(&key, false, library);
    return 0;
}

/* SSL_new() has made an object. */
static __always_inline int on_new(struct pt_regs *ctx) {
    return tls_begun(AG_RESULT(ctx), AG_TLS_OPENSSL);
}

/* tls_new(object) of BoringSSL: it is made, or used again. */
static __always_inline int on_begin(struct pt_regs *ctx) {
    return tls_begun(AG_ARG1(ctx), AG_TLS_BORINGSSL);
}

/* A handshake is about to begin or to go on. No plaintext has passed before it. */
static __always_inline int on_handshake(struct pt_regs *ctx, enum ag_tls_library library) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_key key = tls_key_of(AG_ARG1(ctx));
    tls_connection_of(&key, false, library);
    return 0;
}

/* The object is gone: SSL_free, gnutls_deinit. */
static __always_inline int on_free(struct pt_regs *ctx) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_key key = tls_key_of(AG_ARG1(ctx));
    tls_end(&key);
    return 0;
}

/* The name is set before the handshake, so the connection is a new one. */
static __always_inline void tls_name(__u64 object, __u64 from, enum ag_tls_library library) {
    struct tls_key key = tls_key_of(object);
    struct tls_connection *c = tls_connection_of(&key, false, library);
    __u32 slot;
    struct scratch *s = c ? tls_begin(AG_TLS_NAME, c->number, &slot) : NULL;
    if (!s)
        return;
    part_user_string(s, AG_PART_DATA, 0, from, TLS_NAME_BYTES);
    tls_send(s);
    scratch_release(s);
}

/* SSL_ctrl(object, command, long, void *), which SSL_set_tlsext_host_name() is a macro for. */
static __always_inline int on_ctrl(struct pt_regs *ctx) {
    if (!is_member(current_ids() >> 32) || (__u32)AG_ARG2(ctx) != SSL_CTRL_SET_TLSEXT_HOSTNAME || !AG_ARG4(ctx))
        return 0;
    tls_name(AG_ARG1(ctx), AG_ARG4(ctx), AG_TLS_OPENSSL);
    return 0;
}

/* gnutls_server_name_set(object, type, name, length) */
static __always_inline int on_server_name(struct pt_regs *ctx) {
    if (!is_member(current_ids() >> 32) || (__u32)AG_ARG2(ctx) != GNUTLS_NAME_DNS)
        return 0;
    tls_name(AG_ARG1(ctx), AG_ARG3(ctx), AG_TLS_GNUTLS);
    return 0;
}

/* SSL_set_tlsext_host_name(object, name), a function in BoringSSL */
static __always_inline int on_host_name(struct pt_regs *ctx) {
    if (is_member(current_ids() >> 32) && AG_ARG2(ctx))
        tls_name(AG_ARG1(ctx), AG_ARG2(ctx), AG_TLS_BORINGSSL);
    return 0;
}

#endif
