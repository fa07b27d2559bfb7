/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a TCP connection of the tree says first. A ClientHello is told, so that whose library is not read looks blind at
 * whatever port; a request over HTTP begins a connection that is read like those of TLS libraries: local models and
 * gateways are spoken to without encryption. Everything else is not looked at any more.
 *
 * The bytes are read from the process's buffers when its system call has returned. Where in the stream they stand is
 * the socket's own count, so what passes in another way (sendfile, splice, io_uring) leaves a gap that can be seen.
 */
#ifndef AGENTGOV_PLAIN_H
#define AGENTGOV_PLAIN_H

#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define LOOKS 16 /* calls after which a connection is not looked at any more: a proxy or STARTTLS comes before TLS */
#define PLAIN_STEP 64  /* buffers of one plain_iovs() */
#define PLAIN_STEPS 16 /* of one call: UIO_MAXIOV, the kernel's own limit */

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} plain SEC(".maps");

/* Goes on in sx_plain(). No other handler has to do with the call: its connection has been told of. */
static __always_inline void plain_call(void *ctx) {
    bpf_tail_call(ctx, &plain, 0);
}

static __always_inline struct conn *plain_conn(struct pt_regs *regs, struct sock **sk) {
    struct socket *sock = socket_of_fd((__s32)ag_syscall_arg(regs, false, 0));
    __u64 key = 0;
    if (sock) /* or any other file: then its "sk" is in no table */
        *sk = BPF_CORE_READ(sock, sk);
    key = (__u64)*sk;
    return key ? bpf_map_lookup_elem(&conns, &key) : NULL;
}

/* Is the call one that sx_plain() looks at? A send that is the connect as well is told as that. */
static __always_inline bool plain_concerns(struct pt_regs *regs, const struct ag_layout *layout, long ret) {
    struct sock *sk = NULL;
    if (ret <= 0 || layout->buffer == AG_BUFFER_NONE)
        return false;
    struct conn *conn = plain_conn(regs, &sk);
    if (!conn || (conn->says != AG_SAYS_UNKNOWN && conn->says != AG_SAYS_HTTP))
        return false;
    __u32 other_use = layout->moves == AG_MOVES_OUT ? MSG_FASTOPEN : MSG_PEEK | MSG_TRUNC | MSG_ERRQUEUE;
    return !((__u32)ag_syscall_arg(regs, false, layout->value[0]) & other_use);
}

/* The buffers of a call. One alone is in no iovec. */
struct plain_buffers {
    __u64 iov;
    __u64 count;
    __u64 only;
};

struct plain_iovec {
    __u64 base, len;
};

static __always_inline struct plain_buffers plain_buffers(struct pt_regs *regs, const struct ag_layout *layout) {
    struct plain_buffers out = {};
    __u64 at = ag_syscall_arg(regs, false, 1);
    if (layout->buffer == AG_BUFFER_ONE) {
        out.only = at;
    } else if (layout->buffer == AG_BUFFER_IOV) {
        out.iov = at;
        out.count = ag_syscall_arg(regs, false, 2);
    } else {
        __u64 words[2] = {}; /* of struct user_msghdr, behind its name */
        bpf_probe_read_user(words, sizeof(words), (void *)(at + 16));
        out.iov = words[0];
        out.count = words[1];
    }
    return out;
}

/* Where the byte behind the last one of the call stands in the stream, modulo 2^32, and how many have ever passed. */
static __always_inline __u32 plain_position(struct sock *sk, bool out, __u64 *passed) {
    struct tcp_sock *tcp = (void *)sk;
    if (out) {
        *passed = tcp_given(sk);
        return BPF_CORE_READ(tcp, write_seq);
    }
    __u32 at = BPF_CORE_READ(tcp, copied_seq), next = BPF_CORE_READ(tcp, rcv_nxt);
    /* The peer's FIN, which is read with the bytes before it, takes a place in the stream. */
    bool fin = at == next && (BPF_CORE_READ(sk, __sk_common.skc_flags) & (1UL << SOCK_DONE));
    *passed = BPF_CORE_READ(tcp, bytes_received) - (__u32)(next - at) - fin;
    return at - fin;
}

/* A handshake record (RFC 8446, 5.1) of any version. `head`: the first bytes, as the number that they are in memory. */
static __always_inline bool says_hello(__u64 head) {
    return (head & 0xffff) == 0x0316 && (head >> 16 & 0xff) <= 4;
}

#define WORD(a, b, c, d) ((__u32)((a) | (b) << 8 | (c) << 16 | (d) << 24))

/* A method of HTTP and how its target begins, or HTTP/2's preface. What CONNECT asks a proxy for is not HTTP. */
static __always_inline bool says_request(__u64 head) {
    __u32 behind; /* bits before the target */
    switch ((__u32)head) {
    case WORD('P', 'R', 'I', ' '):
        return (head >> 32 & 0xff) == '*';
    case WORD('G', 'E', 'T', ' '):
    case WORD('P', 'U', 'T', ' '):
        behind = 32;
        break;
    case WORD('P', 'O', 'S', 'T'):
    case WORD('H', 'E', 'A', 'D'):
        behind = 40;
        break;
    case WORD('P', 'A', 'T', 'C'):
        behind = 48;
        break;
    case WORD('D', 'E', 'L', 'E'):
        behind = 56;
        break;
    default:
        return false;
    }
    __u8 target = head >> behind;
    return target == '/' || target == 'h';
}

static __always_inline void plain_tell_hello(struct sock *sk, const struct conn *conn) {
    __u32 slot;
    struct scratch *s = tls_begin(AG_TLS_HELLO, 0, &slot);
    if (!s)
        return;
    record_owner(s, conn);
    part_socket_address(s, sk, true, 0);
    part_socket_address(s, sk, false, AG_PART_SECOND);
    record_send(s, false); /* with the connect and the end of this connection, in their order */
    scratch_release(s);
}

/* What the connection says, once that can be told. `passed`: bytes before these, in the same direction. */
static __always_inline void plain_look(struct sock *sk, struct conn *conn, const struct plain_buffers *from, bool out,
                                       __u64 n, __u64 passed) {
    __u64 head = 0;
    struct plain_iovec first = {.base = from->only, .len = n};
    if (from->count)
        bpf_probe_read_user(&first, sizeof(first), (void *)from->iov);
    if (first.len > n)
        first.len = n;
    if (first.len >= 3)
        bpf_probe_read_user(&head, first.len < sizeof(head) ? 3 : sizeof(head), (void *)first.base);
    if (says_hello(head)) {
        conn->says = AG_SAYS_TLS;
        plain_tell_hello(sk, conn);
    } else if (says_request(head)) {
        struct tls_key key = tls_key_of((__u64)sk);
        bool joined = passed > 1; /* a SYN is counted in some places */
        __u64 unused;
        conn->number = tls_number(&key);
        conn->next[0] = plain_position(sk, false, &unused) - (out ? 0 : n);
        conn->next[1] = plain_position(sk, true, &unused) - (out ? n : 0);
        conn->says = AG_SAYS_HTTP;
        tls_tell(AG_TLS_BEGIN, conn->number, joined, AG_TLS_PLAIN);
        tls_peer(conn->number, sk);
    } else if (++conn->looks == LOOKS) {
        conn->says = AG_SAYS_OTHER;
    }
}

/* The pieces of some buffers, in which a call has moved `left` bytes at the most. Returns how many are in them. */
__attribute__((noinline)) __u64 plain_iovs(__u32 slot, __u64 at, __u64 count, __u64 offset, __u64 left) {
    __u64 before = left;
    for (__u32 i = 0; i < PLAIN_STEP; i++, at += sizeof(struct plain_iovec)) {
        struct plain_iovec iov = {};
        if (!left || i >= count)
            break;
        bpf_probe_read_user(&iov, sizeof(iov), (void *)at);
        if (iov.len > left)
            iov.len = left;
        left -= iov.len;
        tls_buffer(slot, iov.base, offset, iov.len, left);
        offset += iov.len;
    }
    return before - left;
}

static __always_inline void plain_data(bool out, __u64 number, const struct plain_buffers *from, __u64 offset,
                                       __u64 n) {
    __u32 slot;
    struct scratch *s = tls_begin(out ? AG_TLS_OUT : AG_TLS_IN, number, &slot);
    if (!s)
        return;
    if (from->only) {
        tls_buffer(slot, from->only, offset, n, 0);
        n = 0;
    }
    for (__u32 i = 0; i < PLAIN_STEPS * PLAIN_STEP; i += PLAIN_STEP) {
        if (!n || i >= from->count)
            break;
        __u64 taken = plain_iovs(slot, from->iov + i * sizeof(struct plain_iovec), from->count - i, offset, n);
        offset += taken;
        n -= taken;
    }
    if (n)
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
    scratch_release(s);
}

/* Told with the record of the connection's end, which is over. */
static __always_inline void plain_end(struct scratch *s, const struct conn *conn) {
    s->rec.kind = AG_TLS;
    s->rec.cls = AG_CLASS_TLS;
    s->rec.size = 0;
    s->rec.parts = 0;
    s->rec.arg[0] = conn->number;
    s->rec.arg[3] = AG_TLS_END;
    tls_send(s);
}

SEC("?tp/raw_syscalls/sys_exit")
int sx_plain(void *ctx) {
    struct pt_regs *regs = sys_exit_regs(ctx);
    __u32 nr = ag_syscall_nr(regs);
    struct ag_layout *layout = bpf_map_lookup_elem(&layouts, &nr);
    struct sock *sk = NULL;
    struct conn *conn = layout ? plain_conn(regs, &sk) : NULL;
    if (!conn)
        return 0;
    bool out = layout->moves == AG_MOVES_OUT;
    long n = sys_exit_result(ctx);
    struct plain_buffers from = plain_buffers(regs, layout);
    __u64 passed;
    __u32 end = plain_position(sk, out, &passed);
    if (conn->says == AG_SAYS_UNKNOWN)
        plain_look(sk, conn, &from, out, n, passed - n);
    if (conn->says != AG_SAYS_HTTP)
        return 0;
    __u32 *next = out ? &conn->next[1] : &conn->next[0];
    __u64 *told = out ? &conn->told[1] : &conn->told[0];
    __u32 gap = end - (__u32)n - *next;
    if ((__s32)gap < 0) /* another thread has written at the same time */
        gap = 0;
    __u64 offset = *told + gap;
    *next = end;
    *told = offset + n;
    plain_data(out, conn->number, &from, offset, n);
    return 0;
}

#endif
