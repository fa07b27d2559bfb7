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
 * An address that the kernel has copied from the process. `own`: the family of the socket, for which the kernel takes
 * AF_UNSPEC in a send, and IPv4 in a bind. False: there is none in it.
 */
static __always_inline bool about_address(struct scratch *s, const void *address, __u32 len, __u16 own, bool leads) {
    __u16 family = 0, port = 0;
    if (len < sizeof(family))
        return false;
    bpf_probe_read_kernel(&family, sizeof(family), address);
    if (family == AF_UNSPEC)
        family = own;
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

/*
 * One question about an address. Sockets of the unix family are asked about where their peer is known. `own`: the rule
 * of self-protection that forbids it, whatever the address is; then `bits` may be 0.
 */
static __always_inline int decide_address(__u16 kind, __u32 bits, struct socket *sock, const void *address, __u32 len,
                                          __u32 msg_flags, enum ag_own own) {
    __u32 slot;
    struct scratch *s = verdict_begin(kind, &slot);
    if (!s)
        return verdict_busy();
    about_socket(s, sock);
    about_address(s, address, len, kind == AG_CONNECT ? AF_UNSPEC : s->rec.arg[2], kind != AG_BIND);
    if (bits)
        ask(slot, AG_OF_NETWORK, bits, bits, 0);
    add_own(s, own);
    if (verdict_passes(s))
        return 0;
    s->rec.arg[3] = msg_flags;
    part_kernel_address(s, address, len);
    return verdict_end(s);
}

static __always_inline __u16 family_of(struct socket *sock) {
    return BPF_CORE_READ(sock, sk, __sk_common.skc_family);
}

#define IP_RETOPTS 7 /* uapi/linux/in.h */
#define SOL_IPV6 41
#define IPV6_2292RTHDR 5 /* uapi/linux/in6.h */
#define IPV6_RTHDR 57
#define CONTROLS_MAX 8

struct control { /* struct cmsghdr */
    __u64 len;
    __s32 level, type;
};

static __always_inline bool has_labels(struct sock *sk, struct ipv6_pinfo *v6) {
    if (bpf_core_field_exists(struct inet_sock___v7, ipv6_fl_list))
        return BPF_CORE_READ((struct inet_sock___v7 *)sk, ipv6_fl_list);
    return bpf_core_field_exists(v6->ipv6_fl_list) && BPF_CORE_READ(v6, ipv6_fl_list);
}

/*
 * A source route: the packets go to an address first that no call names. The socket has it itself, or by a flow label,
 * which may bring one.
 */
static __always_inline bool socket_routes(struct socket *sock, __u16 family) {
    struct sock *sk = BPF_CORE_READ(sock, sk);
    struct inet_sock *inet = (struct inet_sock *)sk;
    struct ip_options_rcu *v4 = BPF_CORE_READ(inet, inet_opt);
    if (v4 && BPF_CORE_READ(v4, opt.srr))
        return true;
    if (family != AF_INET6 || !bpf_core_field_exists(inet->pinet6))
        return false;
    struct ipv6_pinfo *v6 = BPF_CORE_READ(inet, pinet6);
    struct ipv6_txoptions *options = BPF_CORE_READ(v6, opt);
    return (options && BPF_CORE_READ(options, srcrt)) || has_labels(sk, v6);
}

/* Or a message brings one, in what the kernel has copied from the process. */
static __always_inline bool message_routes(struct msghdr *msg) {
    __u64 len = BPF_CORE_READ(msg, msg_controllen), at = (__u64)BPF_CORE_READ(msg, msg_control);
    for (int i = 0; i < CONTROLS_MAX; i++) {
        struct control head = {};
        if (len < sizeof(head))
            return false;
        bpf_probe_read_kernel(&head, sizeof(head), (void *)at);
        if (head.level == IPPROTO_IP && head.type == IP_RETOPTS)
            return true;
        if (head.level == SOL_IPV6 && (head.type == IPV6_RTHDR || head.type == IPV6_2292RTHDR))
            return true;
        __u64 size = (head.len + sizeof(long) - 1) & ~(sizeof(long) - 1);
        if (size < sizeof(head) || size >= len)
            return false;
        at += size;
        len -= size;
    }
    return true; /* no honest message has so many */
}

static __always_inline bool has_routes(__u16 family) {
    return family == AF_INET || family == AF_INET6;
}

/* A connect to AF_UNSPEC takes a connection apart and goes nowhere. */
static __always_inline int ask_of_connect(struct socket *sock, void *address, int len) {
    __u16 family = 0, own = family_of(sock);
    if (own == AF_UNIX)
        return 0;
    if (len >= 2)
        bpf_probe_read_kernel(&family, sizeof(family), address);
    if (family == AF_UNSPEC)
        return 0;
    bool routes = has_routes(own) && socket_routes(sock, own);
    return decide_address(AG_CONNECT, AG_REACH, sock, address, len, 0, routes ? AG_OWN_KERNEL : AG_OWN_NONE);
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
    return decide_address(AG_BIND, AG_BIND_TO, sock, address, len, 0, AG_OWN_NONE);
}

/* uapi/linux/sctp.h */
#define SCTP_PRIMARY_ADDR 6
#define SCTP_SOCKOPT_BINDX_ADD 100
#define SCTP_PARAMETERS 0x8000 /* above it, what a peer has sent */
#define SCTP_ADDRESSES_MAX 8

/* The next of a list of addresses, at s->walk_dentry. Apart, so that the verifier meets it once and not for each. */
__attribute__((noinline)) int ask_listed(__u32 slot, __u32 len, __u32 bits) {
    struct scratch *s = scratch_at(slot);
    __u16 family = 0;
    if (!s)
        return 0;
    void *address = (void *)s->walk_dentry;
    bpf_probe_read_kernel(&family, sizeof(family), address);
    s->ask.net.count = 0;
    about_address(s, address, len, family, bits == AG_REACH);
    return ask(slot, AG_OF_NETWORK, bits, bits, 0);
}

/*
 * What an SCTP socket is told in a list (sctp_connectx, sctp_bindx) or with a message, beside what connect and bind are
 * asked about. The record has the address that is forbidden.
 */
DECIDER(sctp_bind_connect, NOTE_OTHER, struct sock *sk, int option, void *addresses, int size) {
    __u32 slot, len = size, bits = option == SCTP_SOCKOPT_BINDX_ADD ? AG_BIND_TO : AG_REACH;
    if (option <= SCTP_PRIMARY_ADDR || option > SCTP_PARAMETERS || !is_governed())
        return 0;
    struct scratch *s = verdict_begin(bits == AG_REACH ? AG_CONNECT : AG_BIND, &slot);
    if (!s)
        return verdict_busy();
    about_socket(s, BPF_CORE_READ(sk, sk_socket));
    s->walk_dentry = (__u64)addresses;
    for (int i = 0; i < SCTP_ADDRESSES_MAX && len >= sizeof(struct sockaddr_in); i++) {
        ask_listed(slot, len, bits);
        if (s->ask.verdict & VERDICT_DENIES)
            break;
        __u16 family = 0;
        bpf_probe_read_kernel(&family, sizeof(family), (void *)s->walk_dentry);
        __u32 one = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        s->walk_dentry += one;
        len -= one < len ? one : len;
    }
    if (len >= sizeof(struct sockaddr_in)) /* more than anybody has, or one of them is denied already */
        add_own(s, AG_OWN_KERNEL);
    if (verdict_passes(s))
        return 0;
    part_kernel_address(s, (void *)s->walk_dentry, len);
    return verdict_end(s);
}

/* A send that names its own destination; by MSG_FASTOPEN it is the connect. Others only for the way that they take. */
DECIDER(socket_sendmsg, 1u << AG_SEND, struct socket *sock, struct msghdr *msg) {
    if (!is_governed())
        return 0;
    void *name = BPF_CORE_READ(msg, msg_name);
    __u32 len = BPF_CORE_READ(msg, msg_namelen), flags = BPF_CORE_READ(msg, msg_flags);
    __u16 family = family_of(sock);
    bool named = name && len && family != AF_UNIX && send_names_peer(sock, flags);
    bool routes = has_routes(family) && (socket_routes(sock, family) || message_routes(msg));
    if (!named && !routes)
        return 0;
    __u32 bits = !named ? 0 : flags & MSG_FASTOPEN ? AG_REACH : AG_SEND_TO;
    return decide_address(AG_SEND, bits, sock, name, named ? len : 0, flags, routes ? AG_OWN_KERNEL : AG_OWN_NONE);
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
