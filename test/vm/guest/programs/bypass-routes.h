/*
 * Source routes: the call names an address that is open, and the packets go first to the one that the route begins
 * with, which is forbidden. Nobody need be there: what counts is that they are sent.
 */
#ifndef BYPASS_ROUTES_H
#define BYPASS_ROUTES_H

#include "bypass-network.h"

static struct sockaddr_in behind_route(void) {
    struct sockaddr_in to = forbidden();
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    return to;
}

static const char ROUTE[] = {1 /* nothing */, 131 /* loose */, 7, 4, 127, 0, 0, 2};

static int route_connect(void) {
    struct sockaddr_in to = behind_route();
    int s = need(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    need(setsockopt(s, IPPROTO_IP, IP_OPTIONS, ROUTE, sizeof(ROUTE)), "IP_OPTIONS");
    return connect(s, (void *)&to, sizeof(to));
}

static int route_later(void) { /* set when the connection is there */
    struct sockaddr_in to = behind_route();
    int s = need(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    need(connect(s, (void *)&to, sizeof(to)), "connect");
    need(setsockopt(s, IPPROTO_IP, IP_OPTIONS, ROUTE, sizeof(ROUTE)), "IP_OPTIONS");
    return write(s, "x", 1);
}

/* A message with a route of its own. */
struct routed {
    struct msghdr msg;
    struct iovec data;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(ROUTE))];
    } control;
};

static struct msghdr *routed(struct routed *m, struct sockaddr_in *to) {
    m->data = (struct iovec){"x", 1};
    m->control.head = (struct cmsghdr){CMSG_LEN(sizeof(ROUTE)), IPPROTO_IP, IP_RETOPTS};
    memcpy(CMSG_DATA(&m->control.head), ROUTE, sizeof(ROUTE));
    m->msg = (struct msghdr){to, sizeof(*to), &m->data, 1, &m->control, sizeof(m->control), 0};
    return &m->msg;
}

static int route_message(void) {
    struct sockaddr_in to = behind_route();
    struct routed with;
    return sendmsg(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), routed(&with, &to), 0);
}

/* Of two messages to one name the kernel asks about the first. */
static int route_second(void) {
    struct sockaddr_in to = behind_route();
    struct routed with;
    struct mmsghdr both[2] = {{.msg_hdr = *routed(&with, &to)}, {.msg_hdr = with.msg}};
    both[0].msg_hdr.msg_control = NULL;
    both[0].msg_hdr.msg_controllen = 0;
    int sent = sendmmsg(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), both, 2, 0);
    errno = 0;
    return sent == 2 ? 0 : -1;
}

static int route_v6(void) { /* the routing header, of type 4 */
    struct sockaddr_in6 to = address_v6(AF_INET6, "::1"), first = address_v6(AF_INET6, "fd00::2");
    struct {
        uint8_t next, length, type, left, last, flags;
        uint16_t tag;
        struct in6_addr segment[2];
    } route = {.length = 4, .type = 4, .left = 1, .last = 1, .segment = {to.sin6_addr, first.sin6_addr}};
    int s = need(socket(AF_INET6, SOCK_DGRAM, 0), "socket");
    need(setsockopt(s, IPPROTO_IPV6, IPV6_RTHDR, &route, sizeof(route)), "IPV6_RTHDR");
    return sendto(s, "x", 1, 0, (void *)&to, sizeof(to));
}

#endif
