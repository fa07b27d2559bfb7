/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sockets.h"

#define TCP_TIME_WAIT 6 /* include/net/tcp_states.h */
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12
#define SO_ACCEPTCON 0x10000 /* the kernel's flag in /proc/net/unix */
#define SOCKETS_MAX 1000000  /* nobody's machine has more, and the tables are not ours */

/* A half-closed connection is still one that can send or receive. */
static bool tcp_connected(unsigned state) {
    return state != TCP_TIME_WAIT && state != TCP_CLOSE && state != TCP_LISTEN && state != TCP_NEW_SYN_RECV;
}

static struct socket_info *add(struct sockets *s, uint64_t inode) {
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 256;
        struct socket_info *items = cap > SOCKETS_MAX ? NULL : realloc(s->items, cap * sizeof(*items));
        if (!items)
            return NULL;
        s->items = items;
        s->cap = cap;
    }
    struct socket_info *info = &s->items[s->count++];
    memset(info, 0, sizeof(*info));
    info->inode = inode;
    return info;
}

/* An address as the kernel prints it: words of 32 bits in the processor's order, so they are taken as they stand. */
static socklen_t put_inet(struct sockaddr_storage *out, const char *hex, unsigned port) {
    unsigned words[4];
    int n = sscanf(hex, "%8x%8x%8x%8x", &words[0], &words[1], &words[2], &words[3]);
    if (n == 1) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = words[0]};
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    if (n == 4) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&in6.sin6_addr, words, sizeof(words));
        memcpy(out, &in6, sizeof(in6));
        return sizeof(in6);
    }
    return 0;
}

static FILE *open_table(uint32_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/net/%s", pid, name);
    return fopen(path, "re");
}

static void read_inet(struct sockets *s, uint32_t pid, const char *name, int family, int type, int protocol) {
    char line[512], local[33], peer[33];
    unsigned local_port, peer_port, state;
    unsigned long long inode;
    FILE *table = open_table(pid, name);
    while (table && fgets(line, sizeof(line), table)) {
        if (sscanf(line, " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %*s %*s %llu", local, &local_port, peer,
                   &peer_port, &state, &inode) != 6 ||
            inode == 0)
            continue;
        struct socket_info *info = add(s, inode);
        if (!info)
            break;
        info->family = family;
        info->type = type;
        info->protocol = protocol;
        info->listening = type == SOCK_STREAM && state == TCP_LISTEN;
        info->connected = type == SOCK_STREAM ? tcp_connected(state) : peer_port != 0;
        info->local_len = put_inet(&info->local.inet, local, local_port);
        info->peer_len = put_inet(&info->peer.inet, peer, peer_port);
    }
    if (table)
        fclose(table);
}

static void read_unix(struct sockets *s, uint32_t pid) {
    char line[512];
    FILE *table = open_table(pid, "unix");
    while (table && fgets(line, sizeof(line), table)) {
        unsigned flags, type;
        unsigned long long inode;
        int at = 0;
        if (sscanf(line, "%*s %*s %*s %x %x %*s %llu%n", &flags, &type, &inode, &at) != 3 ||
            inode == 0) /* not accepted yet: it is nobody's */
            continue;
        struct socket_info *info = add(s, inode);
        if (!info)
            break;
        info->family = info->local.un.sun_family = AF_UNIX;
        info->type = type;
        info->listening = flags & SO_ACCEPTCON;
        size_t len = strcspn(line + at, "\n");
        if (len < 2) /* one space, then the name: it has none */
            continue;
        size_t n = len - 1 < sizeof(info->local.un.sun_path) ? len - 1 : sizeof(info->local.un.sun_path);
        memcpy(info->local.un.sun_path, line + at + 1, n);
        if (info->local.un.sun_path[0] == '@')
            info->local.un.sun_path[0] = '\0';
        info->local_len = offsetof(struct sockaddr_un, sun_path) + n;
    }
    if (table)
        fclose(table);
}

static int by_inode(const void *a, const void *b) {
    const struct socket_info *x = a, *y = b;
    return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static void sort(struct sockets *s) {
    if (s->count)
        qsort(s->items, s->count, sizeof(*s->items), by_inode);
}

static const struct socket_info *find(const struct sockets *s, uint64_t inode) {
    struct socket_info key = {.inode = inode};
    return s->count ? bsearch(&key, s->items, s->count, sizeof(key), by_inode) : NULL;
}

static void take_peer(struct sockets *s, const struct nlmsghdr *msg) {
    if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
        return;
    const struct unix_diag_msg *diag = NLMSG_DATA(msg);
    int left = msg->nlmsg_len - NLMSG_LENGTH(sizeof(*diag));
    for (const struct rtattr *a = (const void *)(diag + 1); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        uint32_t inode;
        if (a->rta_type != UNIX_DIAG_PEER || RTA_PAYLOAD(a) < sizeof(inode))
            continue;
        memcpy(&inode, RTA_DATA(a), sizeof(inode));
        struct socket_info *info = (struct socket_info *)find(s, diag->udiag_ino);
        const struct socket_info *peer = find(s, inode);
        if (!info || !peer)
            continue;
        /* An accepted socket carries the name of the one that listened; whoever has a peer without a name accepted. */
        info->connected = peer->local_len > 0;
        info->peer = peer->local;
        info->peer_len = peer->local_len;
    }
}

/* Who is connected to whom stands in no file; the kernel tells it on request (sock_diag(7)). */
static void read_peers(struct sockets *s) {
    struct {
        struct nlmsghdr header;
        struct unix_diag_req request;
    } ask = {
        .header = {.nlmsg_len = sizeof(ask),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = AF_UNIX, .udiag_states = -1, .udiag_show = UDIAG_SHOW_PEER},
    };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    char *answer = malloc(32768);
    bool more = fd >= 0 && answer && send(fd, &ask, sizeof(ask), 0) == sizeof(ask);
    while (more) {
        ssize_t got = recv(fd, answer, 32768, 0);
        if (got <= 0)
            break;
        int left = got;
        for (const struct nlmsghdr *msg = (const void *)answer; NLMSG_OK(msg, left); msg = NLMSG_NEXT(msg, left)) {
            if (msg->nlmsg_type == NLMSG_DONE || msg->nlmsg_type == NLMSG_ERROR)
                more = false;
            else
                take_peer(s, msg);
        }
    }
    free(answer);
    if (fd >= 0)
        close(fd);
}

/* Asks from inside the namespace of `pid`. Not to find the way back would be the end: then nothing is asked. */
static void read_peers_of(struct sockets *s, uint32_t pid) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), theirs = open(path, O_RDONLY | O_CLOEXEC);
    struct stat a, b;
    if (own >= 0 && theirs >= 0 && fstat(own, &a) == 0 && fstat(theirs, &b) == 0) {
        bool same = a.st_ino == b.st_ino && a.st_dev == b.st_dev;
        if (same || setns(theirs, CLONE_NEWNET) == 0)
            read_peers(s);
        if (!same)
            (void)!setns(own, CLONE_NEWNET);
    }
    if (own >= 0)
        close(own);
    if (theirs >= 0)
        close(theirs);
}

void sockets_read(struct sockets *s, uint32_t pid) {
    memset(s, 0, sizeof(*s));
    read_unix(s, pid);
    sort(s);
    if (s->count)
        read_peers_of(s, pid);
}

static void read_others(struct sockets *s, uint32_t pid) {
    static const struct {
        const char *name;
        int family, type, protocol;
    } TABLES[] = {
        {"tcp", AF_INET, SOCK_STREAM, IPPROTO_TCP},  {"tcp6", AF_INET6, SOCK_STREAM, IPPROTO_TCP},
        {"udp", AF_INET, SOCK_DGRAM, IPPROTO_UDP},   {"udp6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
        {"icmp", AF_INET, SOCK_DGRAM, IPPROTO_ICMP}, {"icmp6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6},
    };
    for (size_t i = 0; i < sizeof(TABLES) / sizeof(TABLES[0]); i++)
        read_inet(s, pid, TABLES[i].name, TABLES[i].family, TABLES[i].type, TABLES[i].protocol);
    sort(s);
    s->whole = true;
}

const struct socket_info *sockets_find(struct sockets *s, uint32_t pid, uint64_t inode) {
    const struct socket_info *info = find(s, inode);
    if (info || s->whole)
        return info;
    read_others(s, pid);
    return find(s, inode);
}

void sockets_free(struct sockets *s) {
    free(s->items);
    memset(s, 0, sizeof(*s));
}
