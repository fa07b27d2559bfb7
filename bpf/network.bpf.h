/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets: who is called, what is offered, and how a connection ended. */
#ifndef AGENTGOV_NETWORK_H
#define AGENTGOV_NETWORK_H

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCKADDR_BYTES 128
#define MSG_FASTOPEN 0x20000000
#define MMSG_MAX 1024  /* UIO_MAXIOV, the kernel's own limit for sendmmsg */
#define TCP_SYN_SENT 2 /* include/net/tcp_states.h */
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define SOCK_DONE 1 /* include/net/sock.h, enum sock_flags */
#define S_IFSOCK 0140000
#define SOCKFS_MAGIC 0x534f434b /* include/uapi/linux/magic.h */

static __always_inline struct socket *socket_of_fd(__s64 fd) {
    struct file *file = file_of_fd(fd);
    return file ? BPF_CORE_READ(file, private_data) : NULL;
}

/* The call itself says that the descriptor was none of a socket: EBADF, ENOTSOCK. */
static __always_inline bool is_no_socket(long ret) {
    return ret == -9 || ret == -88;
}

static __always_inline void socket_args(struct scratch *s, struct socket *sock) {
    struct sock *sk = BPF_CORE_READ(sock, sk);
    s->rec.arg[0] = (__u16)BPF_CORE_READ(sock, type);
    s->rec.arg[1] = BPF_CORE_READ(sk, sk_protocol);
    s->rec.arg[2] = BPF_CORE_READ(sk, __sk_common.skc_family);
}

/* An address as the process gave it. */
static __always_inline void part_user_address(struct scratch *s, __u64 from, __u32 len) {
    __u32 at = part_begin(s, AG_PART_SOCKADDR, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (len > SOCKADDR_BYTES)
        len = SOCKADDR_BYTES;
    if (bpf_probe_read_user(&s->data[off], bounded(len, 2 * SOCKADDR_BYTES - 1), (void *)from)) {
        part_flag(s, at, AG_PART_UNREAD);
        len = 0;
    }
    part_end(s, at, len);
}

/*
 * One end of an inet or unix socket as the kernel has it: its own address, or the peer's. The own port is inet_sport:
 * skc_num is given back before the last change of state.
 */
static __always_inline void part_socket_address(struct scratch *s, struct sock *sk, bool peer, __u8 flags) {
    __u32 at = part_begin(s, AG_PART_SOCKADDR, flags);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK, len = 0;
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
    __u16 port = peer ? BPF_CORE_READ(sk, __sk_common.skc_dport) : BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
    if (family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};
        in.sin_addr.s_addr =
            peer ? BPF_CORE_READ(sk, __sk_common.skc_daddr) : BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
        len = sizeof(in);
        __builtin_memcpy(&s->data[off], &in, sizeof(in));
    } else if (family == AF_INET6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = port};
        if (peer)
            BPF_CORE_READ_INTO(&in6.sin6_addr, sk, __sk_common.skc_v6_daddr);
        else
            BPF_CORE_READ_INTO(&in6.sin6_addr, sk, __sk_common.skc_v6_rcv_saddr);
        len = sizeof(in6);
        __builtin_memcpy(&s->data[off], &in6, sizeof(in6));
    } else if (family == AF_UNIX) {
        struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, addr);
        __u32 n = BPF_CORE_READ(address, len);
        if (n > SOCKADDR_BYTES)
            n = SOCKADDR_BYTES;
        if (address && !bpf_probe_read_kernel(&s->data[off], bounded(n, 2 * SOCKADDR_BYTES - 1),
                                              (char *)address + bpf_core_field_offset(struct unix_address, name)))
            len = n;
    }
    part_end(s, at, len);
}

/* connect, bind, listen. A connect that goes on in the background (EINPROGRESS) is told as such. */
SEC("tp/raw_syscalls/sys_exit")
int sx_socket(void *ctx) {
    struct call call = {};
    __u32 slot;
    struct scratch *s = call_begin(&call, ctx, &slot);
    if (!s)
        return 0;
    struct socket *sock = socket_of_fd((__s32)call_arg(&call, 0));
    if (sock && !is_no_socket(call.ret))
        socket_args(s, sock);
    bool connects = call.layout->kind == AG_CONNECT;
    if (connects || (call.ret != 0 && call.layout->kind != AG_LISTEN))
        part_user_address(s, call_arg(&call, 1), (__u32)call_arg(&call, 2));
    if (connects ? s->rec.arg[2] == AF_INET || s->rec.arg[2] == AF_INET6 : call.ret == 0) {
        struct sock *sk = BPF_CORE_READ(sock, sk);
        /* The port that the kernel chose. */
        part_socket_address(s, sk, false, connects ? AG_PART_SECOND : 0);
    }
    call_send(s, slot, &call, false);
    return 0;
}

/* struct user_msghdr and struct mmsghdr (64 and 32 bits): where the name is, its length, and the distance to the next.
 */
struct msg_name {
    __u64 name;
    __u32 len;
};

static __always_inline struct msg_name msg_name_at(__u64 msg, bool ia32) {
    struct msg_name out = {};
    if (ia32) {
        __u32 words[2] = {};
        bpf_probe_read_user(words, sizeof(words), (void *)msg);
        out.name = words[0];
        out.len = words[1];
    } else {
        __u64 words[2] = {};
        bpf_probe_read_user(words, sizeof(words), (void *)msg);
        out.name = words[0];
        out.len = (__u32)words[1];
    }
    return out;
}

/*
 * A send that names its own destination. A stream socket has one already and the kernel ignores the name, unless this
 * send is the connect (TCP fast open).
 */
static __always_inline bool send_names_peer(struct socket *sock, __u32 msg_flags) {
    return (__u16)BPF_CORE_READ(sock, type) != SOCK_STREAM || (msg_flags & MSG_FASTOPEN);
}

/* One message of a sendmmsg: a function of its own, so that the verifier meets the work once and not 1,024 times. */
__attribute__((noinline)) int send_one(__u32 slot, __u64 msg, __u32 ia32) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return 0;
    struct msg_name to = msg_name_at(msg, ia32);
    if (!to.name || !to.len)
        return 0;
    s->rec.size = 0;
    s->rec.parts = 0;
    s->rec.flags &= ~AG_F_FOLDS;
    part_user_address(s, to.name, to.len);
    record_send_folded(s, slot, false);
    return 0;
}

#define MMSG_STEP 32

/* Up to MMSG_STEP messages of one: what the verifier does for a loop grows with its rounds. */
__attribute__((noinline)) int send_some(__u32 slot, __u64 msg, __u32 n, __u32 ia32) {
    for (__u32 i = 0; i < MMSG_STEP; i++) {
        if (i >= n)
            break;
        send_one(slot, msg, ia32);
        msg += ia32 ? 32 : 64;
    }
    return 0;
}

SEC("tp/raw_syscalls/sys_exit")
int sx_send(void *ctx) {
    struct call call = {};
    __u32 slot;
    if (!call_wanted(&call, ctx))
        return 0;
    __u8 how = call.layout->flags;
    struct msg_name to = {};
    if (how & AG_L_MSG)
        to = msg_name_at(call_arg(&call, 1), call.ia32);
    else if (!(how & AG_L_MMSG))
        to = (struct msg_name){.name = call_arg(&call, 4), .len = (__u32)call_arg(&call, 5)};
    if (!(how & AG_L_MMSG) && (!to.name || !to.len))
        return 0; /* connected: its connect has been told */
    struct socket *sock = socket_of_fd((__s32)call_arg(&call, 0));
    if (!sock || is_no_socket(call.ret))
        return 0;
    __u32 msg_flags = (__u32)((how & AG_L_MSG) ? call_arg(&call, 2) : call_arg(&call, 3));
    if (!send_names_peer(sock, msg_flags))
        return 0;
    struct scratch *s = call_record(&call, &slot);
    if (!s)
        return 0;
    socket_args(s, sock);
    s->rec.arg[3] = msg_flags;
    s->rec.ret = call.ret < 0 ? call.ret : 0; /* how many bytes, or messages, is no part of what happened */
    if (how & AG_L_MMSG) {
        __u64 msg = call_arg(&call, 1);
        __u32 stride = call.ia32 ? 32 : 64, n = call.ret < 0 ? 1 : call.ret;
        for (__u32 i = 0; i < MMSG_MAX; i += MMSG_STEP) {
            if (i >= n)
                break;
            send_some(slot, msg, n - i, call.ia32);
            msg += MMSG_STEP * stride;
        }
        scratch_release(s);
        return 0;
    }
    part_user_address(s, to.name, to.len);
    call_send(s, slot, &call, !(msg_flags & MSG_FASTOPEN));
    return 0;
}

/*
 * The TCP connections of the tree, by their socket: who is told as the owner when one ends. That may be in a softirq or
 * a timer, when `current` is somebody else, and after the owner's death.
 *
 * The address of a socket is used again. But every life of one begins with a move to SYN_SENT (it connects) or SYN_RECV
 * (it is made for a listener), and there what was left of an older life is removed: so no stranger's socket is ever
 * taken for one of the tree.
 */
struct conn {
    __u64 start;
    __u32 agent, life;        /* of struct ag_agent: a connection may outlive its agent */
    __u32 pid, tid, uid, gid; /* tid 0: not known */
    char comm[16];
    __u64 established;
    /* bpf/plain.bpf.h, in and out: */
    __u64 number;  /* as that of a TLS connection, where it is read; 0: it is not */
    __u64 told[2]; /* bytes told, or known to be missing */
    __u32 next[2]; /* where the next one stands in the stream */
    __u32 says;    /* enum ag_says */
    __u32 looks;
};

enum ag_says { AG_SAYS_UNKNOWN, AG_SAYS_TLS, AG_SAYS_HTTP, AG_SAYS_OTHER };

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, AG_CONNS_MAX);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u64);
    __type(value, struct conn);
} conns SEC(".maps");

/* The record is the owner's, whoever runs now. */
static __always_inline void record_owner(struct scratch *s, const struct conn *conn) {
    s->rec.start = conn->start;
    s->rec.pid = conn->pid;
    s->rec.tid = conn->tid;
    s->rec.uid = conn->uid;
    s->rec.gid = conn->gid;
    __builtin_memcpy(s->rec.comm, conn->comm, sizeof(conn->comm));
}

/* Whose it is. */
static __always_inline void conn_own(struct conn *conn, __u32 agent) {
    conn->agent = agent;
    conn->life = agent_row(agent)->life;
}

/* The agent that it was of; AG_NOBODY when that is no more. */
static __always_inline __u32 conn_agent(const struct conn *conn) {
    return agent_row(conn->agent)->life == conn->life ? conn->agent : AG_NOBODY;
}

static __always_inline struct conn conn_of_current(bool established) {
    __u64 ids = current_ids(), uids = bpf_get_current_uid_gid();
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct conn conn = {.pid = ids >> 32, .tid = (__u32)ids, .uid = (__u32)uids, .gid = uids >> 32};
    conn.start = BPF_CORE_READ(task, group_leader, start_boottime);
    conn_own(&conn, agent_of(conn.pid));
    conn.established = established;
    bpf_get_current_comm(conn.comm, sizeof(conn.comm));
    return conn;
}

/* In plain.bpf.h, behind what it needs. */
static __always_inline void plain_end(struct scratch *s, const struct conn *conn);

/* The end of a connection, told by whoever removes it from the table: two may find at once that it is over. */
static __always_inline void conn_end(struct sock *sk) {
    __u64 key = (__u64)sk;
    __u32 slot;
    struct conn *there = bpf_map_lookup_elem(&conns, &key);
    if (!there)
        return;
    struct conn conn = *there; /* once removed, the entry is somebody else's */
    __u32 agent = conn_agent(&conn);
    if (bpf_map_delete_elem(&conns, &key) || !conn.established || !agent)
        return;
    struct scratch *s = record_begin_of(agent, AG_CLOSE, AG_CLASS_NETWORK, &slot);
    if (!s)
        return;
    record_owner(s, &conn);
    struct tcp_sock *tcp = (void *)sk;
    /* The peer's FIN takes a number in the sequence and is counted as a byte; SOCK_DONE says that it came. */
    bool fin = BPF_CORE_READ(sk, __sk_common.skc_flags) & (1UL << SOCK_DONE);
    s->rec.arg[0] = BPF_CORE_READ(tcp, bytes_received) - fin;
    s->rec.arg[1] = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
    part_socket_address(s, sk, true, 0);
    part_socket_address(s, sk, false, AG_PART_SECOND);
    record_send(s, false);
    if (tls_on && conn.number)
        plain_end(s, &conn);
    scratch_release(s);
}

static __always_inline bool is_tcp(struct sock *sk) {
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
    return (family == AF_INET || family == AF_INET6) && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline __u8 tcp_state(struct sock *sk) {
    return BPF_CORE_READ(sk, __sk_common.skc_state);
}

/*
 * A connection that has come to the tree by another way than its own connect(). Not over an entry that is there: the
 * first owner stays. It may end while it is being written down, and its last change of state may have passed before:
 * hence the second look.
 */
static __always_inline void conn_join(struct sock *sk, const struct conn *conn) {
    __u64 key = (__u64)sk;
    int err = bpf_map_update_elem(&conns, &key, conn, BPF_NOEXIST);
    if (err == -EEXIST)
        return;
    if (err)
        count_lost_of(conn->agent, AG_CLASS_NETWORK, AG_LOSS_TABLE_FULL);
    else if (tcp_state(sk) == TCP_CLOSE)
        conn_end(sk);
}

/*
 * Every change of a TCP socket's state passes here, the move to SYN_SENT in the process that connects (connect() or a
 * fast-open send), the one to CLOSE exactly once at the end: the moment at which the byte counts are final.
 *
 * Never by its perf event: no such program runs in a softirq that has interrupted another one, and this one is short.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int oldstate, int newstate) {
    /* On the way to its end. Most sockets of the machine are nobody's: the less is done for them, the better. */
    if (newstate > TCP_SYN_RECV && newstate != TCP_CLOSE && oldstate != TCP_SYN_RECV)
        return 0;
    __u64 key = (__u64)sk;
    /* From SYN_SENT to SYN_RECV goes a connection whose ends call each other, and it stays what it is. */
    if (newstate == TCP_SYN_SENT || (newstate == TCP_SYN_RECV && oldstate != TCP_SYN_SENT)) {
        if (bpf_map_lookup_elem(&conns, &key)) /* a look is cheaper than a removal */
            bpf_map_delete_elem(&conns, &key);
        if (newstate == TCP_SYN_RECV || !is_member(current_ids() >> 32) || !is_tcp(sk))
            return 0;
        struct conn conn = conn_of_current(false);
        if (bpf_map_update_elem(&conns, &key, &conn, BPF_ANY))
            count_lost(AG_CLASS_NETWORK, AG_LOSS_TABLE_FULL);
        return 0;
    }
    if (newstate == TCP_CLOSE) {
        conn_end(sk);
        return 0;
    }
    struct conn *conn = bpf_map_lookup_elem(&conns, &key);
    if (conn)
        conn->established = 1;
    return 0;
}

/* accept: nothing is told now, the connection's end will be. It may be over already: then that is told at once. */
SEC("tp/raw_syscalls/sys_exit")
int sx_accept(void *ctx) {
    long ret = sys_exit_result(ctx);
    struct socket *sock = ret >= 0 ? socket_of_fd(ret) : NULL;
    struct sock *sk = sock ? BPF_CORE_READ(sock, sk) : NULL;
    if (!sk || !is_tcp(sk))
        return 0;
    struct conn conn = conn_of_current(true);
    conn_join(sk, &conn);
    return 0;
}

/* Run by the loader when it has attached to a running tree: the connections that its members hold already. */
SEC("iter/task_file")
int adopt_connections(struct bpf_iter__task_file *ctx) {
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    __u32 tgid = task ? tgid_of(task) : 0;
    __u32 agent = agent_of(tgid);
    if (!file || !agent)
        return 0;
    if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK ||
        BPF_CORE_READ(file, f_inode, i_sb, s_magic) != SOCKFS_MAGIC)
        return 0;
    struct socket *sock = BPF_CORE_READ(file, private_data);
    struct sock *sk = sock ? BPF_CORE_READ(sock, sk) : NULL;
    if (!sk || !is_tcp(sk))
        return 0;
    __u8 state = tcp_state(sk);
    if (state == TCP_CLOSE || state == TCP_LISTEN)
        return 0;
    struct conn conn = {
        .pid = tgid,
        .uid = BPF_CORE_READ(task, cred, uid.val),
        .gid = BPF_CORE_READ(task, cred, gid.val),
        .start = BPF_CORE_READ(task, group_leader, start_boottime),
        .established = state != TCP_SYN_SENT,
    };
    conn_own(&conn, agent);
    BPF_CORE_READ_STR_INTO(&conn.comm, task, comm);
    conn_join(sk, &conn);
    return 0;
}

#endif
