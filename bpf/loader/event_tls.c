/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The lines tls_begin, tls_data, tls_name, tls_peer, tls_end and tls_hello. */
#include <string.h>
#include "event_fill.h"
#include "json.h"

static void put_address(struct buf *out, const struct record *r, bool own) {
    struct address a;
    if (!address_parse(record_part(r, AG_PART_SOCKADDR, own), &a) || !a.ip[0])
        return;
    buf_str(out, own ? ",\"local_ip\":" : ",\"dest_ip\":");
    json_str(out, a.ip);
    json_number(out, own ? "local_port" : "dest_port", a.port);
}

static bool put_data(struct buf *out, const struct record *r, bool is_out, size_t bytes) {
    buf_str(out, is_out ? ",\"direction\":\"out\"" : ",\"direction\":\"in\"");
    json_number(out, "tid", r->head.tid);
    buf_str(out, ",\"comm\":");
    json_bytes(out, r->head.comm, strnlen(r->head.comm, sizeof(r->head.comm)));
    json_number(out, "offset", r->head.arg[1]);
    json_number(out, "more", r->head.arg[2]);
    json_number(out, "bytes", bytes);
    return bytes > 0;
}

static const char *const LIBRARIES[] = {[AG_TLS_OPENSSL] = "openssl",
                                        [AG_TLS_GNUTLS] = "gnutls",
                                        [AG_TLS_BORINGSSL] = "boringssl",
                                        [AG_TLS_GO] = "go",
                                        [AG_TLS_PLAIN] = "plain"};

static bool put_what(struct buf *out, const struct record *r, size_t bytes) {
    const struct part *name = record_part(r, AG_PART_DATA, false);
    switch (r->head.arg[3]) {
    case AG_TLS_BEGIN:
        buf_str(out, r->head.arg[1] ? ",\"joined\":true" : ",\"joined\":false");
        if (r->head.arg[2] > AG_TLS_ANY && r->head.arg[2] <= AG_TLS_PLAIN) {
            buf_str(out, ",\"library\":");
            json_str(out, LIBRARIES[r->head.arg[2]]);
        }
        return true;
    case AG_TLS_IN:
    case AG_TLS_OUT:
        return put_data(out, r, r->head.arg[3] == AG_TLS_OUT, bytes);
    case AG_TLS_NAME:
        buf_str(out, ",\"name\":");
        json_bytes(out, name ? name->data : "", name ? name->len : 0);
        return name != NULL;
    case AG_TLS_HELLO:
        buf_str(out, ",\"comm\":");
        json_bytes(out, r->head.comm, strnlen(r->head.comm, sizeof(r->head.comm)));
        /* fall through */
    case AG_TLS_PEER:
        put_address(out, r, false);
        put_address(out, r, true);
        return true;
    case AG_TLS_END:
        return true;
    }
    return false;
}

bool event_write_tls(struct buf *out, const struct record *r, size_t bytes) {
    static const char *const NAMES[] = {
        [AG_TLS_BEGIN] = "begin", [AG_TLS_IN] = "data", [AG_TLS_OUT] = "data",   [AG_TLS_NAME] = "name",
        [AG_TLS_PEER] = "peer",   [AG_TLS_END] = "end", [AG_TLS_HELLO] = "hello"};
    __u64 what = r->head.arg[3];
    if (r->head.kind != AG_TLS || what < AG_TLS_BEGIN || what > AG_TLS_HELLO)
        return false;
    size_t before = out->len;
    buf_str(out, "{\"msg\":\"tls_");
    buf_str(out, NAMES[what]);
    buf_str(out, "\",\"connection\":\"");
    buf_u64(out, r->head.arg[0]);
    buf_char(out, '"');
    json_number(out, "pid", r->head.pid);
    json_number(out, "start_us", r->head.start / 1000);
    json_number(out, "ts_us", r->head.ktime / 1000);
    bool good = put_what(out, r, bytes);
    buf_put(out, "}\n", 2);
    if (good && !out->over)
        return true;
    out->len = before;
    out->over = false;
    return false;
}
