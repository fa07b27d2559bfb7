/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the loader attaches. */
#ifndef AGENTGOV_TLS_PROGRAMS_H
#define AGENTGOV_TLS_PROGRAMS_H

/* A program for each function, or (from 6.10 on, bpf/loader/tls_probes.c) two that are told which one it is. */
#define TLS_PROGRAM(section, name, call)                                                                               \
    SEC("?" section) int name(struct pt_regs *ctx) {                                                                   \
        return call;                                                                                                   \
    }

TLS_PROGRAM("uprobe", tls_enter, on_enter(ctx, AG_TLS_ANY))
TLS_PROGRAM("uprobe", tls_try, on_enter(ctx, AG_TLS_BORINGSSL))
TLS_PROGRAM("uprobe", tls_handshake, on_handshake(ctx, AG_TLS_OPENSSL))
TLS_PROGRAM("uprobe", tls_handshake_gnutls, on_handshake(ctx, AG_TLS_GNUTLS))
TLS_PROGRAM("uprobe", tls_handshake_boringssl, on_handshake(ctx, AG_TLS_BORINGSSL))
TLS_PROGRAM("uprobe", tls_free, on_free(ctx))
TLS_PROGRAM("uprobe", tls_ctrl, on_ctrl(ctx))
TLS_PROGRAM("uprobe", tls_server_name, on_server_name(ctx))
TLS_PROGRAM("uprobe", tls_object, on_begin(ctx))
TLS_PROGRAM("uprobe", tls_host_name, on_host_name(ctx))
TLS_PROGRAM("uprobe", tls_go_enter, on_go_enter(ctx))
TLS_PROGRAM("uprobe", tls_go_read, on_go_leave(ctx, AG_TLS_IN))
TLS_PROGRAM("uprobe", tls_go_write, on_go_leave(ctx, AG_TLS_OUT))
TLS_PROGRAM("uprobe", tls_go_name, on_go_name(ctx))
TLS_PROGRAM("uprobe", tls_go_handshake, on_go_handshake(ctx))
TLS_PROGRAM("uprobe", tls_go_close, on_go_close(ctx))
TLS_PROGRAM("uretprobe", tls_new, on_new(ctx))
TLS_PROGRAM("uretprobe", tls_read, tls_leave(ctx, AG_TLS_IN, false))
TLS_PROGRAM("uretprobe", tls_write, tls_leave(ctx, AG_TLS_OUT, false))
TLS_PROGRAM("uretprobe", tls_read_ex, tls_leave(ctx, AG_TLS_IN, true))
TLS_PROGRAM("uretprobe", tls_write_ex, tls_leave(ctx, AG_TLS_OUT, true))

SEC("?uprobe")
int tls_entries(struct pt_regs *ctx) {
    switch (bpf_get_attach_cookie(ctx)) {
    case AG_PROBE_ENTER:
        return on_enter(ctx, AG_TLS_ANY);
    case AG_PROBE_TRY:
        return on_enter(ctx, AG_TLS_BORINGSSL);
    case AG_PROBE_HANDSHAKE_BORINGSSL:
        return on_handshake(ctx, AG_TLS_BORINGSSL);
    case AG_PROBE_HANDSHAKE:
        return on_handshake(ctx, AG_TLS_OPENSSL);
    case AG_PROBE_HANDSHAKE_GNUTLS:
        return on_handshake(ctx, AG_TLS_GNUTLS);
    case AG_PROBE_FREE:
        return on_free(ctx);
    case AG_PROBE_CTRL:
        return on_ctrl(ctx);
    case AG_PROBE_SERVER_NAME:
        return on_server_name(ctx);
    case AG_PROBE_BEGIN:
        return on_begin(ctx);
    case AG_PROBE_HOST_NAME:
        return on_host_name(ctx);
    case AG_PROBE_GO_ENTER:
        return on_go_enter(ctx);
    case AG_PROBE_GO_READ:
        return on_go_leave(ctx, AG_TLS_IN);
    case AG_PROBE_GO_WRITE:
        return on_go_leave(ctx, AG_TLS_OUT);
    case AG_PROBE_GO_NAME:
        return on_go_name(ctx);
    case AG_PROBE_GO_HANDSHAKE:
        return on_go_handshake(ctx);
    case AG_PROBE_GO_CLOSE:
        return on_go_close(ctx);
    }
    return 0;
}

SEC("?uretprobe")
int tls_returns(struct pt_regs *ctx) {
    __u64 probe = bpf_get_attach_cookie(ctx);
    if (probe == AG_PROBE_NEW)
        return on_new(ctx);
    bool in = probe == AG_PROBE_READ || probe == AG_PROBE_READ_EX;
    bool ex = probe == AG_PROBE_READ_EX || probe == AG_PROBE_WRITE_EX;
    return tls_leave(ctx, in ? AG_TLS_IN : AG_TLS_OUT, ex);
}

#endif
