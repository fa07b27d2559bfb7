/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sockets of a network namespace by inode, as /proc/PID/net tells them. */
#ifndef AGENTGOV_SOCKETS_H
#define AGENTGOV_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct socket_info {
    uint64_t inode;
    int type, protocol, family;
    bool listening;
    bool connected;
    socklen_t local_len, peer_len; /* 0: none */
    union {
        struct sockaddr any;
        struct sockaddr_storage inet;
        struct sockaddr_un un;
    } local, peer;
};

struct sockets {
    struct socket_info *items; /* sorted by inode */
    size_t count, cap;
    bool whole; /* not only the unix ones */
};

/*
 * Reads the table of unix sockets of the network namespace that `pid` lives in. Those of the others are read when one
 * is looked for that is not in it: the kernel goes through all places that a connection could have. What cannot be read
 * is left out.
 */
void sockets_read(struct sockets *s, uint32_t pid);
void sockets_free(struct sockets *s);

/* Of a process in that namespace. NULL: no socket that is told here (netlink, packet). */
const struct socket_info *sockets_find(struct sockets *s, uint32_t pid, uint64_t inode);

#endif
