/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * DNS answers that reach the tree. A socket of a member that turns to port 53 is remembered by its cookie, and what
 * comes back to it is copied, whole, by bpf_skb_load_bytes: hooks that see the buffer itself can only read its linear
 * part. The packets of everybody else are passed by their port, or after one look-up.
 *
 * What resolves without a packet (a resolver asked over a unix socket) is not seen here.
 */
#ifndef AGENTGOV_DNS_H
#define AGENTGOV_DNS_H

#define DNS_PORT 53
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16384);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u64);
    __type(value, struct conn);
} dns_sockets SEC(".maps");

/* Some socket that was remembered is a TCP one. Few resolvers ever use those, and until then none is looked up. */
volatile __u32 dns_by_tcp = 0;

/* These programs have no bpf_get_current_pid_tgid() on 5.10. */
static __always_inline int dns_remember(struct bpf_sock_addr *ctx) {
    if (ctx->user_port != bpf_htons(DNS_PORT))
        return 1;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    __u32 tgid = tgid_of(task);
    __u32 agent = agent_of(tgid);
    if (!agent)
        return 1;
    struct conn conn = {
        .pid = tgid,
        .tid = pid_of(task),
        .uid = BPF_CORE_READ(task, cred, uid.val),
        .gid = BPF_CORE_READ(task, cred, gid.val),
        .start = BPF_CORE_READ(task, group_leader, start_boottime),
    };
    conn_own(&conn, agent);
    BPF_CORE_READ_STR_INTO(&conn.comm, task, comm);
    __u64 cookie = bpf_get_socket_cookie(ctx);
    if (ctx->protocol == IPPROTO_TCP)
        dns_by_tcp = 1;
    if (bpf_map_update_elem(&dns_sockets, &cookie, &conn, BPF_ANY))
        count_lost_of(agent, AG_CLASS_NETWORK, AG_LOSS_TABLE_FULL);
    return 1;
}

SEC("cgroup/connect4")
int dns_connect4(struct bpf_sock_addr *ctx) {
    return dns_remember(ctx);
}

SEC("cgroup/connect6")
int dns_connect6(struct bpf_sock_addr *ctx) {
    return dns_remember(ctx);
}

SEC("cgroup/sendmsg4")
int dns_sendmsg4(struct bpf_sock_addr *ctx) {
    return dns_remember(ctx);
}

SEC("cgroup/sendmsg6")
int dns_sendmsg6(struct bpf_sock_addr *ctx) {
    return dns_remember(ctx);
}

SEC("cgroup/sock_release")
int dns_release(struct bpf_sock *ctx) {
    if (ctx->protocol == IPPROTO_TCP && !dns_by_tcp)
        return 1;
    __u64 cookie = bpf_get_socket_cookie(ctx);
    if (bpf_map_lookup_elem(&dns_sockets, &cookie))
        bpf_map_delete_elem(&dns_sockets, &cookie);
    return 1;
}

/* A packet as cgroup_skb sees it starts with its IP header. */
SEC("cgroup_skb/ingress")
int dns_ingress(struct __sk_buff *skb) {
    /* The peer of a connected socket; 0 of one that has none. */
    if (skb->remote_port && skb->remote_port != bpf_htonl(DNS_PORT))
        return 1;
    __u64 cookie = bpf_get_socket_cookie(skb);
    struct conn *conn = bpf_map_lookup_elem(&dns_sockets, &cookie);
    __u32 agent = conn ? conn_agent(conn) : AG_NOBODY;
    if (!agent)
        return 1;
    __u8 head[40] = {};
    __u32 payload, proto, family;
    if (skb->protocol == bpf_htons(ETH_P_IP)) {
        if (bpf_skb_load_bytes(skb, 0, head, 20))
            return 1;
        payload = (head[0] & 15) * 4;
        proto = head[9];
        family = AF_INET;
    } else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
        if (bpf_skb_load_bytes(skb, 0, head, 40))
            return 1;
        payload = 40; /* an answer behind extension headers is not followed: no resolver sends one */
        proto = head[6];
        family = AF_INET6;
    } else {
        return 1;
    }
    __u8 l4[16] = {};
    if (proto != IPPROTO_UDP && proto != IPPROTO_TCP)
        return 1;
    if (bpf_skb_load_bytes(skb, payload, l4, proto == IPPROTO_TCP ? 16 : 8))
        return 1;
    __u16 source = (l4[0] << 8) | l4[1];
    if (source != DNS_PORT)
        return 1;
    payload += proto == IPPROTO_TCP ? (l4[12] >> 4) * 4 : 8;
    if (skb->len <= payload)
        return 1; /* an empty acknowledgement */
    __u32 len = skb->len - payload, slot;
    struct scratch *s = scratch_claim(agent, AG_CLASS_NETWORK, &slot);
    if (!s)
        return 1;
    s->rec = (struct ag_record){
        .ktime = bpf_ktime_get_boot_ns(),
        .kind = AG_DNS,
        .nr = AG_NO_NR,
        .cls = AG_CLASS_NETWORK,
        .arg = {proto, len, cookie},
    };
    record_owner(s, conn);

    __u32 at = part_begin(s, AG_PART_SOCKADDR, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = bpf_htons(source)};
        __builtin_memcpy(&in.sin_addr, &head[12], 4);
        __builtin_memcpy(&s->data[off], &in, sizeof(in));
        part_end(s, at, sizeof(in));
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = bpf_htons(source)};
        __builtin_memcpy(&in6.sin6_addr, &head[8], 16);
        __builtin_memcpy(&s->data[off], &in6, sizeof(in6));
        part_end(s, at, sizeof(in6));
    }

    at = part_begin(s, AG_PART_DATA, 0);
    off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (len > AG_DNS_MAX) {
        len = AG_DNS_MAX;
        part_flag(s, at, AG_PART_CUT);
    }
    /* The least length is part of the bound: older verifiers refuse a read that could be empty. */
    if (len == 0 || bpf_skb_load_bytes(skb, payload, &s->data[off], bounded(len - 1, AG_DNS_MAX - 1) + 1)) {
        part_flag(s, at, AG_PART_UNREAD);
        len = 0;
    }
    part_end(s, at, len);
    record_send(s, false);
    scratch_release(s);
    return 1;
}

#endif
