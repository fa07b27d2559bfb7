/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* network_connect, network_close, network_send, network_bind, network_listen, unix_connect, and the dns line. */
#include <arpa/inet.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "event_fill.h"
#include "json.h"
#include "names.h"

#define TCP 6
#define MSG_FASTOPEN_FLAG 0x20000000 /* include/linux/socket.h */

bool address_parse(const struct part *part, struct address *out) {
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    sa_family_t family;
    *out = (struct address){0};
    if (!part || part->len < sizeof(family))
        return false;
    memcpy(&family, part->data, sizeof(family));
    out->family = family;
    if (family == AF_INET && part->len >= offsetof(struct sockaddr_in, sin_zero)) {
        memcpy(&in, part->data, offsetof(struct sockaddr_in, sin_zero));
        out->port = ntohs(in.sin_port);
        return inet_ntop(AF_INET, &in.sin_addr, out->ip, sizeof(out->ip)) != NULL;
    }
    if (family == AF_INET6 && part->len >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
        memcpy(&in6, part->data, offsetof(struct sockaddr_in6, sin6_scope_id));
        out->port = ntohs(in6.sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) /* the peer is an IPv4 one, whatever the socket is */
            return inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], out->ip, sizeof(out->ip)) != NULL;
        return inet_ntop(AF_INET6, &in6.sin6_addr, out->ip, sizeof(out->ip)) != NULL;
    }
    if (family == AF_UNIX) {
        out->path = part->data + offsetof(struct sockaddr_un, sun_path);
        out->path_len = part->len - offsetof(struct sockaddr_un, sun_path);
        if (out->path_len > 0 && out->path[0] != '\0') /* a file's name ends at its NUL, an abstract one nowhere */
            out->path_len = strnlen(out->path, out->path_len);
        return true;
    }
    return false;
}

/* "@name" is an abstract name, so a file that is called so gets "./" before it; a file's name is only the asked one. */
static void fill_unix(struct events *ev, const struct record *r, const struct address *to, struct line *l) {
    char abstract[sizeof(struct sockaddr_un) + 32];
    if (to->path_len == 0)
        return;
    if (to->path[0] == '\0') {
        size_t n = to->path_len < sizeof(abstract) ? to->path_len : sizeof(abstract);
        memcpy(abstract, to->path, n);
        abstract[0] = '@';
        fill_bytes(ev, l, F_PATH, F_PATH_HEX, abstract, n);
        return;
    }
    struct path path;
    const struct part *resolved = record_part(r, AG_PART_PATH, false);
    if (resolved) {
        path_from_part(resolved, &path);
    } else {
        struct part asked = {.data = to->path, .len = to->path_len, .type = AG_PART_ASKED};
        const struct part *base = record_part(r, AG_PART_BASE, false);
        path_join(&asked, base, &path);
        if (!base && path.bytes[0] == '@' && path.len + 2 <= sizeof(path.bytes)) {
            memmove(path.bytes + 2, path.bytes, path.len);
            memcpy(path.bytes, "./", 2);
            path.len += 2;
        }
    }
    fill_path(ev, l, F_PATH, F_PATH_HEX, &path);
}

static void fill_protocol(struct events *ev, const struct record *r, const struct address *to, struct line *l) {
    unsigned family = r->head.arg[2] ? r->head.arg[2] : to->family;
    size_t from = ev->scratch.len;
    if (family == AF_UNSPEC)
        return;
    names_protocol(&ev->scratch, family, r->head.arg[0], r->head.arg[1]);
    fill_scratch(ev, l, F_PROTOCOL, from);
}

static void fill_end(struct events *ev, const struct record *r, const struct address *a, bool local, struct line *l) {
    if (a->family == AF_UNIX) {
        fill_unix(ev, r, a, l);
    } else if (a->ip[0]) {
        fill_text(ev, l, local ? F_LOCAL_IP : F_DEST_IP, a->ip, strlen(a->ip));
        line_int(l, local ? F_LOCAL_PORT : F_DEST_PORT, a->port);
    }
}

bool fill_network(struct events *ev, const struct record *r, struct line *l) {
    struct address a;
    address_parse(record_part(r, AG_PART_SOCKADDR, false), &a);
    bool local = false;
    switch (r->head.kind) {
    case AG_CONNECT:
        if (a.family == AF_UNIX || (a.family == AF_UNSPEC && r->head.arg[2] == AF_UNIX))
            line_word(l, F_EVENT_TYPE, "unix_connect");
        else
            line_word(l, F_EVENT_TYPE, "network_connect");
        break;
    case AG_BIND:
        line_word(l, F_EVENT_TYPE, "network_bind");
        local = true;
        break;
    case AG_LISTEN:
        line_word(l, F_EVENT_TYPE, "network_listen");
        local = true;
        break;
    case AG_SEND:
        if (r->head.arg[3] & MSG_FASTOPEN_FLAG) /* this send is the connect */
            line_word(l, F_EVENT_TYPE, "network_connect");
        else
            line_word(l, F_EVENT_TYPE, "network_send");
        break;
    case AG_CLOSE:
        line_word(l, F_EVENT_TYPE, "network_close");
        line_int(l, F_BYTES_IN, r->head.arg[0]);
        line_int(l, F_BYTES_OUT, r->head.arg[1]);
        line_word(l, F_PROTOCOL, "tcp");
        break;
    default:
        return false;
    }
    if (r->head.kind != AG_CLOSE)
        fill_protocol(ev, r, &a, l);
    fill_end(ev, r, &a, local, l);
    /* A connect that failed early has no port yet. */
    if (address_parse(record_part(r, AG_PART_SOCKADDR, true), &a) && a.port)
        fill_end(ev, r, &a, true, l);
    return true;
}

bool event_write_dns(struct events *ev, struct buf *out, const struct record *r, struct process *p) {
    const struct ag_record *head = &r->head;
    const struct part *data = record_part(r, AG_PART_DATA, false);
    struct address from;
    if (!data || !address_parse(record_part(r, AG_PART_SOCKADDR, false), &from) || !from.ip[0])
        return false;
    size_t before = out->len;
    buf_str(out, "{\"msg\":\"dns\"");
    json_number(out, "pid", head->pid);
    json_number(out, "tid", head->tid);
    json_number(out, "start_us", head->start / 1000);
    json_number(out, "ts_us", head->ktime / 1000);
    buf_str(out, ",\"timestamp\":\"");
    buf_put(out, clock_text(&ev->clock, head->ktime), CLOCK_TEXT_LEN);
    buf_str(out, "\",\"comm\":");
    json_bytes(out, head->comm, strnlen(head->comm, sizeof(head->comm)));
    if (p && p->exe) {
        buf_str(out, ",\"exe\":");
        buf_put(out, p->exe->json, p->exe->len);
    }
    json_number(out, "uid", head->uid);
    json_number(out, "gid", head->gid);
    if (p && p->ppid)
        json_number(out, "ppid", p->ppid);
    buf_str(out, ",\"server_ip\":");
    json_str(out, from.ip);
    json_number(out, "server_port", from.port);
    buf_str(out, head->arg[0] == TCP ? ",\"protocol\":\"tcp\"" : ",\"protocol\":\"udp\"");
    json_number(out, "length", head->arg[1]);
    buf_str(out, ",\"socket\":\"");
    buf_u64(out, head->arg[2]);
    buf_char(out, '"');
    buf_str(out, ",\"data\":");
    json_base64(out, data->data, data->len);
    buf_put(out, "}\n", 2);
    if (!out->over)
        return true;
    out->len = before;
    out->over = false;
    return false;
}
