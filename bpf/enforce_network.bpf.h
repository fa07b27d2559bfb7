/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is asked about sockets and addresses. */
#ifndef AGENTGOV_ENFORCE_NETWORK_H
#define AGENTGOV_ENFORCE_NETWORK_H

static __always_inline __u32 protocol_bit(__u32 family, __u32 type, __u32 protocol) {
    switch (family) {
    case AF_UNIX:
        return 1 << (type == SOCK_STREAM ? AG_P_UNIX_STREAM : type == 2 ? AG_P_UNIX_DGRAM : AG_P_UNIX_SEQPACKET);
    case AF_INET:
    case AF_INET6:
        switch (protocol) {
        case IPPROTO_TCP:
            return 1 << AG_P_TCP;
        case IPPROTO_UDP:
            return 1 << AG_P_UDP;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return 1 << (type == 3 ? AG_P_RAW : AG_P_ICMP);
        case IPPROTO_SCTP:
            return 1 << AG_P_SCTP;
        case IPPROTO_DCCP:
            return 1 << AG_P_DCCP;
        case IPPROTO_UDPLITE:
            return 1 << AG_P_UDPLITE;
        case 262: /* IPPROTO_MPTCP */
            return 1 << AG_P_MPTCP;
        }
        return 1 << (type == 3 ? AG_P_RAW : type == SOCK_STREAM ? AG_P_TCP : type == 2 ? AG_P_UDP : AG_P_OTHER);
    case 16:
        return 1 << AG_P_NETLINK;
    case 17:
        return 1 << AG_P_PACKET;
    case 38:
        return 1 << AG_P_ALG;
    case 40:
        return 1 << AG_P_VSOCK;
    case 31:
        return 1 << AG_P_BLUETOOTH;
    case 44:
        return 1 << AG_P_XDP;
    }
    return 1 << AG_P_OTHER;
}

/* What a clause may ask of the socket itself, and what the record says of it. */
static __always_inline void about_socket(struct scratch *s, struct socket *sock) {
    socket_args(s, sock);
    s->ask.protocol = protocol_bit(s->rec.arg[2], s->rec.arg[0], s->rec.arg[1]);
}

static __always_inline bool is_zero(const __u8 *address, int from) {
    __u8 any = 0;
    for (int i = from; i < 16; i++)
        any |= address[i];
    return !any;
}

static __always_inline void put_v4(struct asking *ask, __u32 address, bool leads) {
    if (leads && !address) /* as a destination "any" is the loopback */
        address = bpf_htonl(0x7f000001);
    ask->block.family = 4;
    __builtin_memset(ask->block.address, 0, sizeof(ask->block.address));
    __builtin_memcpy(ask->block.address, &address, sizeof(address));
}

/* The address in s->ask.block is complete: which clauses speak of it. IPv4 in IPv6 clothes is IPv4. */
static __always_inline void find_block(struct scratch *s, bool leads) {
    struct ag_block *b = &s->ask.block;
    if (b->family == 6 && b->address[10] == 0xff && b->address[11] == 0xff) {
        __u64 head = 0;
        __u32 v4;
        __builtin_memcpy(&head, b->address, sizeof(head));
        __builtin_memcpy(&v4, b->address + 12, sizeof(v4));
        if (!head && !b->address[8] && !b->address[9])
            put_v4(&s->ask, v4, leads);
    } else if (b->family == 6 && leads && is_zero(b->address, 0)) {
        b->address[15] = 1;
    }
    struct ag_policy *p = policy_of(s);
    b->half = p ? p->half : 0;
    b->prefix = 8 * AG_BLOCK_BYTES;
    struct ag_list *list = own_entry(&blocks, s->agent, b);
    if (list)
        s->ask.net = *list;
}

/*
 * An address that the kernel has copied from the process. `family`: of the socket, for the kernel takes AF_UNSPEC for
 * IPv4 in a send and a bind. False: there is none in it.
 */
static __always_inline bool about_address(struct scratch *s, const void *address, __u32 len, __u16 own, bool leads) {
    __u16 family = 0, port = 0;
    if (len < sizeof(family))
        return false;
    bpf_probe_read_kernel(&family, sizeof(family), address);
    if (family == AF_UNSPEC && own == AF_INET)
        family = AF_INET;
    if (family == AF_INET && len >= 8) {
        __u32 v4 = 0;
        bpf_probe_read_kernel(&v4, sizeof(v4), address + 4);
        put_v4(&s->ask, v4, leads);
    } else if (family == AF_INET6 && len >= 24) {
        s->ask.block.family = 6;
        bpf_probe_read_kernel(s->ask.block.address, sizeof(s->ask.block.address), address + 8);
    } else {
        return false;
    }
    bpf_probe_read_kernel(&port, sizeof(port), address + 2);
    s->ask.port = bpf_ntohs(port);
    find_block(s, leads);
    return true;
}

static __always_inline void part_kernel_address(struct scratch *s, const void *address, __u32 len) {
    __u32 at = part_begin(s, AG_PART_SOCKADDR, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (len > SOCKADDR_BYTES)
        len = SOCKADDR_BYTES;
    if (bpf_probe_read_kernel(&s->data[off], bounded(len, 2 * SOCKADDR_BYTES - 1), address))
        len = 0;
    part_end(s, at, len);
}

/* One question about an address. Sockets of the unix family are asked about where their peer is known. */
static __always_inline int decide_address(__u16 kind, __u32 bits, struct socket *sock, const void *address, __u32 len,
                                          __u32 msg_flags) {
    __u32 slot;
    struct scratch *s = verdict_begin(kind, &slot);
    if (!s)
        return verdict_busy();
    about_socket(s, sock);
    about_address(s, address, len, kind == AG_CONNECT ? AF_UNSPEC : s->rec.arg[2], kind != AG_BIND);
    ask(slot, AG_OF_NETWORK, bits, bits, 0);
    if (verdict_passes(s))
        return 0;
    s->rec.arg[3] = msg_flags;
    part_kernel_address(s, address, len);
    return verdict_end(s);
}

static __always_inline __u16 family_of(struct socket *sock) {
    return BPF_CORE_READ(sock, sk, __sk_common.skc_family);
}

/* A connect to AF_UNSPEC takes a connection apart and goes nowhere. */
static __always_inline int ask_of_connect(struct socket *sock, void *address, int len) {
    __u16 family = 0;
    if (family_of(sock) == AF_UNIX)
        return 0;
    if (len >= 2)
        bpf_probe_read_kernel(&family, sizeof(family), address);
    return family == AF_UNSPEC ? 0 : decide_address(AG_CONNECT, AG_REACH, sock, address, len, 0);
}

DECIDER(socket_connect, 1u << AG_CONNECT, struct socket *sock, void *address, int len) {
    if (!is_member(current_ids() >> 32))
        return 0;
    int answer = has_policy() ? ask_of_connect(sock, address, len) : 0;
    if (!answer && in_io_uring() && !is_told())
        ring_connects(sock, address, len);
    return answer;
}

DECIDER(socket_bind, 1u << AG_BIND, struct socket *sock, void *address, int len) {
    if (!is_governed() || family_of(sock) == AF_UNIX) /* its name is a file that is made: path_mknod */
        return 0;
    return decide_address(AG_BIND, AG_BIND_TO, sock, address, len, 0);
}

/* A send that names its own destination; by MSG_FASTOPEN it is the connect. */
DECIDER(socket_sendmsg, 1u << AG_SEND, struct socket *sock, struct msghdr *msg) {
    if (!is_governed())
        return 0;
    void *name = BPF_CORE_READ(msg, msg_name);
    __u32 len = BPF_CORE_READ(msg, msg_namelen), flags = BPF_CORE_READ(msg, msg_flags);
    if (!name || !len || family_of(sock) == AF_UNIX || !send_names_peer(sock, flags))
        return 0;
    return decide_address(AG_SEND, flags & MSG_FASTOPEN ? AG_REACH : AG_SEND_TO, sock, name, len, flags);
}

DECIDER(socket_listen, 1u << AG_LISTEN, struct socket *sock) {
    __u32 slot;
    if (!is_governed())
        return 0;
    struct scratch *s = verdict_begin(AG_LISTEN, &slot);
    if (!s)
        return verdict_busy();
    about_socket(s, sock);
    struct sock *sk = BPF_CORE_READ(sock, sk);
    if (s->rec.arg[2] == AF_INET) {
        put_v4(&s->ask, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr), false);
        find_block(s, false);
    } else if (s->rec.arg[2] == AF_INET6) {
        s->ask.block.family = 6;
        BPF_CORE_READ_INTO(&s->ask.block.address, sk, __sk_common.skc_v6_rcv_saddr);
        find_block(s, false);
    }
    if (s->rec.arg[2] == AF_INET || s->rec.arg[2] == AF_INET6)
        s->ask.port = BPF_CORE_READ(sk, __sk_common.skc_num);
    ask(slot, AG_OF_NETWORK, AG_LISTEN_ON, AG_LISTEN_ON, 0);
    if (verdict_passes(s))
        return 0;
    part_socket_address(s, sk, false, 0);
    return verdict_end(s);
}

/* The peer that the kernel found, whatever name led to it. One without a name (a pair of sockets) was never looked for.
 */
static __always_inline int decide_unix(struct socket *sock, struct sock *peer) {
    __u32 slot;
    struct unix_address *address = BPF_CORE_READ((struct unix_sock *)peer, addr);
    struct dentry *dentry = BPF_CORE_READ((struct unix_sock *)peer, path.dentry);
    if (!address)
        return 0;
    struct scratch *s = verdict_begin(AG_CONNECT, &slot);
    if (!s)
        return verdict_busy();
    struct ag_policy *p = policy_of(s);
    if (dentry) {
        place(s, slot, dentry);
    } else {
        char *name = (char *)address + bpf_core_field_offset(struct unix_address, name) + 3;
        s->ask.fixed = s->ask.known = p ? p->abstract : 0;
        s->ask.floating = 0;
        step_over(slot, (__u64)name, BPF_CORE_READ(address, len) - 3);
    }
    about_socket(s, sock);
    ask(slot, AG_OF_NETWORK, AG_REACH_UNIX, AG_REACH_UNIX, 0);
    if (verdict_passes(s))
        return 0;
    part_socket_address(s, peer, false, 0);
    if (dentry)
        part_path(s, slot, AG_PART_PATH, 0, dentry, BPF_CORE_READ((struct unix_sock *)peer, path.mnt));
    return verdict_end(s);
}

DECIDER(unix_stream_connect, NOTE_UNIX, struct sock *sk, struct sock *peer) {
    return is_governed() ? decide_unix(BPF_CORE_READ(sk, sk_socket), peer) : 0;
}

DECIDER(unix_may_send, NOTE_UNIX, struct socket *sock, struct socket *peer) {
    return is_governed() ? decide_unix(sock, BPF_CORE_READ(peer, sk)) : 0;
}

#endif
