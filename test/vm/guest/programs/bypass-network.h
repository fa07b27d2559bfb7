/*
 * Calling 127.0.0.2 and 192.0.2.2 and offering port 4444, which are forbidden. What is sent without a connection is the
 * name of its way: the test has a receiver there.
 */
#ifndef BYPASS_NETWORK_H
#define BYPASS_NETWORK_H

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "bypass-descriptors.h"
#include "bypass-rings.h"

static struct sockaddr_in forbidden(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.2", &to.sin_addr);
    return to;
}

static int connect_v4(void) {
    struct sockaddr_in to = forbidden();
    return connect(need(socket(AF_INET, SOCK_STREAM, 0), "socket"), (void *)&to, sizeof(to));
}

static struct sockaddr_in6 mapped(void) {
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    inet_pton(AF_INET6, "::ffff:127.0.0.2", &to.sin6_addr);
    return to;
}

static int connect_mapped(void) {
    struct sockaddr_in6 to = mapped();
    return connect(need(socket(AF_INET6, SOCK_STREAM, 0), "socket"), (void *)&to, sizeof(to));
}

static int connect_fastopen(void) {
    struct sockaddr_in to = forbidden();
    return sendto(need(socket(AF_INET, SOCK_STREAM, 0), "socket"), "x", 1, MSG_FASTOPEN, (void *)&to, sizeof(to));
}

static int connect_udp(void) {
    struct sockaddr_in to = forbidden();
    return connect(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), (void *)&to, sizeof(to));
}

static int send_udp(void) {
    struct sockaddr_in to = forbidden();
    return sendto(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), "send_udp", 8, 0, (void *)&to, sizeof(to));
}

static int send_unspecified(void) { /* which an IPv4 socket takes for AF_INET */
    struct sockaddr_in to = forbidden();
    to.sin_family = AF_UNSPEC;
    return sendto(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), "send_unspecified", 16, 0, (void *)&to, sizeof(to));
}

static int send_mapped(void) {
    struct sockaddr_in6 to = mapped();
    return sendto(need(socket(AF_INET6, SOCK_DGRAM, 0), "socket"), "send_mapped", 11, 0, (void *)&to, sizeof(to));
}

static int send_second(void) { /* the first message goes to an address that is open */
    struct sockaddr_in to = forbidden(), open = to;
    inet_pton(AF_INET, "127.0.0.1", &open.sin_addr);
    struct iovec data = {"send_second", 11};
    struct mmsghdr both[2] = {{.msg_hdr = {&open, sizeof(open), &data, 1}}, {.msg_hdr = {&to, sizeof(to), &data, 1}}};
    int sent = sendmmsg(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), both, 2, 0);
    errno = 0; /* of the second no error is told, only that it was not sent */
    return sent == 2 ? 0 : -1;
}

static struct sockaddr_in6 address_v6(sa_family_t family, const char *address) {
    struct sockaddr_in6 to = {.sin6_family = family, .sin6_port = htons(port)};
    inet_pton(AF_INET6, address, &to.sin6_addr);
    return to;
}

static int raw_v6_unspecified(void) { /* which a raw IPv6 socket takes for AF_INET6 */
    struct sockaddr_in6 to = address_v6(AF_UNSPEC, "fd00::2");
    to.sin6_port = 0;
    return sendto(need(socket(AF_INET6, SOCK_RAW, IPPROTO_UDP), "socket"), "12345678", 8, 0, (void *)&to, sizeof(to));
}

static int bind_port(void) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(4444)};
    return bind(need(socket(AF_INET, SOCK_STREAM, 0), "socket"), (void *)&own, sizeof(own));
}

static int connect_unix(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    need(chdir(at("folder-link")), "chdir");
    strcpy(to.sun_path, "sock");
    return connect(need(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), (void *)&to, sizeof(to));
}

static int connect_mptcp(void) {
    struct sockaddr_in to = forbidden();
    return connect(need(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), "socket"), (void *)&to, sizeof(to));
}

static int uring_connect(void) {
    struct sockaddr_in to = forbidden();
    return rung(0, (struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
                                         .fd = need(socket(AF_INET, SOCK_STREAM, 0), "socket"),
                                         .addr = (uint64_t)&to,
                                         .off = sizeof(to)});
}

static int send_uring(void) {
    struct sockaddr_in to = forbidden();
    struct iovec data = {"send_uring", 10};
    struct msghdr msg = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &data, .msg_iovlen = 1};
    return rung(0, (struct io_uring_sqe){.opcode = IORING_OP_SENDMSG,
                                         .fd = need(socket(AF_INET, SOCK_DGRAM, 0), "socket"),
                                         .addr = (uint64_t)&msg,
                                         .len = 1});
}

static int send_connected(void) { /* to another address than the one that it is connected with */
    struct sockaddr_in to = forbidden(), open = to;
    int s = need(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    inet_pton(AF_INET, "127.0.0.1", &open.sin_addr);
    need(connect(s, (void *)&open, sizeof(open)), "connect");
    return sendto(s, "send_connected", 14, 0, (void *)&to, sizeof(to));
}

/* A datagram from its IP header on. */
struct packet {
    struct iphdr ip;
    struct udphdr udp;
    char text[32];
};

static struct packet packet(const char *from, const char *to, const char *text) {
    struct packet p = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
                       .udp = {.source = htons(port), .dest = htons(port)}};
    unsigned sum = 0, size = sizeof(p.ip) + sizeof(p.udp) + strlen(text);
    strcpy(p.text, text);
    p.ip.tot_len = htons(size);
    p.udp.len = htons(size - sizeof(p.ip));
    inet_pton(AF_INET, from, &p.ip.saddr);
    inet_pton(AF_INET, to, &p.ip.daddr);
    for (unsigned i = 0; i < sizeof(p.ip) / 2; i++)
        sum += ((uint16_t *)&p.ip)[i];
    sum = (sum & 0xffff) + (sum >> 16);
    p.ip.check = ~(sum + (sum >> 16));
    return p;
}

static int send_raw(void) {
    struct sockaddr_in to = forbidden();
    struct packet p = packet("127.0.0.1", "127.0.0.2", "send_raw");
    int s = need(socket(AF_INET, SOCK_RAW, IPPROTO_UDP), "socket");
    return sendto(s, &p.udp, ntohs(p.udp.len), 0, (void *)&to, sizeof(to));
}

static int send_header(void) { /* the address in the header is another one than that of the call, which is open */
    struct sockaddr_in open = forbidden();
    struct packet p = packet("127.0.0.1", "127.0.0.2", "send_header");
    int s = need(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), "socket");
    inet_pton(AF_INET, "127.0.0.1", &open.sin_addr);
    return sendto(s, &p, ntohs(p.ip.tot_len), 0, (void *)&open, sizeof(open));
}

/* To an address that is none of the loopback: for those the kernel takes no packet from a device. */
static int send_packet(void) {
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_IP),
                             .sll_ifindex = if_nametoindex("lo"),
                             .sll_halen = ETH_ALEN};
    struct packet p = packet("198.51.100.1", "192.0.2.2", "send_packet");
    int s = need(socket(AF_PACKET, SOCK_DGRAM, 0), "socket");
    return sendto(s, &p, ntohs(p.ip.tot_len), 0, (void *)&to, sizeof(to));
}

/* As bind_port, by a ring. */
static int uring_bind(void) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(4444)};
    return rung(0, (struct io_uring_sqe){.opcode = 56 /* IORING_OP_BIND */,
                                         .fd = need(socket(AF_INET, SOCK_STREAM, 0), "socket"),
                                         .addr = (uint64_t)&own,
                                         .off = sizeof(own)});
}

static int bind_v6(void) {
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(4444)};
    return bind(need(socket(AF_INET6, SOCK_DGRAM, 0), "socket"), (void *)&own, sizeof(own));
}

static int connect_unix_fd(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strcpy(to.sun_path, proc_of(named("secret/sock")));
    return connect(need(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), (void *)&to, sizeof(to));
}

static int make_socket(void) {
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    need(chdir(at("folder-link")), "chdir");
    strcpy(own.sun_path, "made");
    return bind(need(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), (void *)&own, sizeof(own));
}

#endif
