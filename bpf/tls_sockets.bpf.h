/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which socket a connection's bytes go through. */
#ifndef AGENTGOV_TLS_SOCKETS_H
#define AGENTGOV_TLS_SOCKETS_H

#define TLS_HANDSHAKE 8192 /* what a connection sends that is not plaintext, beside the frames of its records */

/* All bytes that were ever given to a TCP socket. */
static __always_inline __u64 tcp_given(struct sock *sk) {
    struct tcp_sock *tcp = (void *)sk;
    return BPF_CORE_READ(tcp, bytes_acked) + (__u32)(BPF_CORE_READ(tcp, write_seq) - BPF_CORE_READ(tcp, snd_una));
}

/*
 * Where the library writes to memory (Node, asyncio) its bytes are sent after its call, by the same thread. A socket is
 * taken for the connection's when it has carried what the connection's plaintext comes to, or just now what the thread
 * has written; or when both are new and more has been written than the socket takes at once.
 */
static __always_inline bool tls_fits(const struct tls_connection *c, const struct tls_thread *thread, struct sock *sk,
                                     __u64 sent) {
    __u64 given = tcp_given(sk), out = c->moved[1];
    if (!thread->wrote)
        return false;
    if (is_encrypted(given, out, TLS_HANDSHAKE) || is_encrypted(sent, thread->wrote, TLS_HANDSHAKE))
        return true;
    return out == thread->wrote && given < out && given - sent <= TLS_HANDSHAKE && sent >= TLS_HANDSHAKE;
}

static __always_inline struct sock *tcp_of(struct pt_regs *regs) {
    struct socket *sock = socket_of_fd((__s32)ag_syscall_arg(regs, false, 0));
    struct sock *sk = sock ? BPF_CORE_READ(sock, sk) : NULL;
    return sk && is_tcp(sk) ? sk : NULL;
}

static __always_inline void tls_peer(__u64 number, struct sock *sk) {
    __u32 slot;
    struct scratch *s = tls_begin(AG_TLS_PEER, number, &slot);
    if (!s)
        return;
    part_socket_address(s, sk, true, 0);
    part_socket_address(s, sk, false, AG_PART_SECOND);
    tls_send(s);
    scratch_release(s);
}

static __always_inline void tls_join(struct tls_connection *c, struct sock *sk) {
    c->has_peer = 1;
    tls_peer(c->number, sk);
}

/* The goroutine that makes the system call is in a call on a connection: whatever thread it began that on. */
static __always_inline bool tls_moved_in_go(struct pt_regs *regs) {
    struct tls_goroutine goroutine = {.goroutine = BPF_CORE_READ(regs, AG_GO_GOROUTINE), .tgid = current_ids() >> 32};
    struct tls_key *there = own_entry(&tls_goroutines, current_agent(), &goroutine);
    if (!there)
        return false;
    struct sock *sk = tcp_of(regs);
    if (!sk)
        return true;
    struct tls_key key = *there;
    struct tls_connection *c = own_entry(&tls_connections, current_agent(), &key);
    own_remove(&tls_goroutines, current_agent(), &goroutine);
    if (c && !c->has_peer)
        tls_join(c, sk);
    return true;
}

/* A system call moves bytes through a descriptor: inside a call into the library that is the connection's own. */
static __always_inline void tls_moved(struct pt_regs *regs, const struct ag_layout *layout, long ret) {
    if (tls_moved_in_go(regs))
        return;
    __u64 ids = bpf_get_current_pid_tgid();
    struct tls_thread *thread = own_entry(&tls_threads, current_agent(), &ids);
    if (!thread || (!thread->inside && layout->moves != AG_MOVES_OUT))
        return;
    struct sock *sk = tcp_of(regs);
    if (!sk)
        return;
    struct tls_key key = thread->key;
    struct tls_connection *c = own_entry(&tls_connections, current_agent(), &key);
    if (c && c->trial && thread->inside && layout->moves == AG_MOVES_OUT)
        c->sent += ret;
    bool fits = c && !c->has_peer && (thread->inside || tls_fits(c, thread, sk, ret));
    if (!c || !c->trial || !thread->inside)
        own_remove(&tls_threads, current_agent(), &ids);
    if (fits)
        tls_join(c, sk);
}

#endif
