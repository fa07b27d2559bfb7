/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "tls_boringssl.h"
#include "tls_elf.h"
#include "tls_go.h"
#include "tls_library.h"

enum function {
    SSL_READ,
    SSL_WRITE,
    SSL_READ_EX,
    SSL_WRITE_EX,
    SSL_DO_HANDSHAKE,
    SSL_FREE,
    SSL_CTRL,
    SSL_NEW,
    GNUTLS_RECV,
    GNUTLS_SEND,
    GNUTLS_SEND2,
    GNUTLS_HANDSHAKE,
    GNUTLS_DEINIT,
    GNUTLS_SERVER_NAME_SET,
    FUNCTIONS,
};

static const char *const NAMES[FUNCTIONS] = {
    [SSL_READ] = "SSL_read",
    [SSL_WRITE] = "SSL_write",
    [SSL_READ_EX] = "SSL_read_ex",
    [SSL_WRITE_EX] = "SSL_write_ex",
    [SSL_DO_HANDSHAKE] = "SSL_do_handshake",
    [SSL_FREE] = "SSL_free",
    [SSL_CTRL] = "SSL_ctrl",
    [SSL_NEW] = "SSL_new",
    [GNUTLS_RECV] = "gnutls_record_recv",
    [GNUTLS_SEND] = "gnutls_record_send",
    [GNUTLS_SEND2] = "gnutls_record_send2",
    [GNUTLS_HANDSHAKE] = "gnutls_handshake",
    [GNUTLS_DEINIT] = "gnutls_deinit",
    [GNUTLS_SERVER_NAME_SET] = "gnutls_server_name_set",
};

/* What hangs on what. Entries before returns: a return without its entry would be one that was lost. */
static const struct hook {
    enum function function;
    enum ag_probe probe;
} HOOKS[] = {
    {SSL_READ, AG_PROBE_ENTER},
    {SSL_WRITE, AG_PROBE_ENTER},
    {SSL_READ_EX, AG_PROBE_ENTER},
    {SSL_WRITE_EX, AG_PROBE_ENTER},
    {SSL_DO_HANDSHAKE, AG_PROBE_HANDSHAKE},
    {SSL_FREE, AG_PROBE_FREE},
    {SSL_CTRL, AG_PROBE_CTRL},
    {GNUTLS_RECV, AG_PROBE_ENTER},
    {GNUTLS_SEND, AG_PROBE_ENTER},
    {GNUTLS_SEND2, AG_PROBE_ENTER},
    {GNUTLS_HANDSHAKE, AG_PROBE_HANDSHAKE_GNUTLS},
    {GNUTLS_DEINIT, AG_PROBE_FREE},
    {GNUTLS_SERVER_NAME_SET, AG_PROBE_SERVER_NAME},
    {SSL_NEW, AG_PROBE_NEW},
    {SSL_READ, AG_PROBE_READ},
    {SSL_WRITE, AG_PROBE_WRITE},
    {SSL_READ_EX, AG_PROBE_READ_EX},
    {SSL_WRITE_EX, AG_PROBE_WRITE_EX},
    {GNUTLS_RECV, AG_PROBE_READ},
    {GNUTLS_SEND, AG_PROBE_WRITE},
    {GNUTLS_SEND2, AG_PROBE_WRITE},
};
#define HOOKS_COUNT (sizeof(HOOKS) / sizeof(HOOKS[0]))

static void put(struct tls_library *item, enum ag_probe probe, uint64_t offset) {
    if (!offset)
        return;
    if (item->count == TLS_PLACES_MAX)
        item->why = "it would take too many probes";
    else
        item->places[item->count++] = (struct tls_place){probe, offset};
}

static const char *name_of(uint64_t *at) {
    if (at[SSL_READ] && at[SSL_WRITE])
        return "openssl";
    /* From 3.6.3 on gnutls_record_send() is a jump into gnutls_record_send2(): one of them tells all. */
    if (at[GNUTLS_SEND2])
        at[GNUTLS_SEND] = 0;
    if (at[GNUTLS_RECV] && (at[GNUTLS_SEND] || at[GNUTLS_SEND2]))
        return "gnutls";
    return NULL;
}

static void look_for_names(struct tls_library *item, int fd) {
    uint64_t at[FUNCTIONS];
    if (!elf_functions(fd, NAMES, FUNCTIONS, at))
        return;
    item->name = name_of(at);
    item->found = "symbols";
    for (size_t i = 0; item->name && i < HOOKS_COUNT; i++)
        put(item, HOOKS[i].probe, at[HOOKS[i].function]);
}

static const char BY_ERRORS[] = "errors";

static void look_for_boringssl(struct tls_library *item, int fd) {
    struct boringssl found;
    if (!boringssl_functions(fd, &found))
        return;
    item->name = "boringssl";
    item->found = BY_ERRORS;
    put(item, AG_PROBE_TRY, found.read);
    put(item, AG_PROBE_TRY, found.write);
    put(item, AG_PROBE_BEGIN, found.begin);
    put(item, AG_PROBE_FREE, found.end);
    put(item, AG_PROBE_HANDSHAKE_BORINGSSL, found.handshake);
    put(item, AG_PROBE_HOST_NAME, found.set_host_name);
    put(item, AG_PROBE_READ, found.read);
    put(item, AG_PROBE_WRITE, found.write);
}

static void put_returns(struct tls_library *item, enum ag_probe probe, const struct tls_go_function *f) {
    for (size_t i = 0; i < f->count; i++)
        put(item, probe, f->returns[i]);
}

static void look_for_go(struct tls_library *item, int fd) {
    struct tls_go found;
    if (!tls_go_functions(fd, &found))
        return;
    item->name = "go";
    item->found = "pclntab";
    item->why = found.why;
    if (found.why)
        return;
    put(item, AG_PROBE_GO_ENTER, found.read.entry);
    put(item, AG_PROBE_GO_ENTER, found.write.entry);
    put(item, AG_PROBE_GO_HANDSHAKE, found.client.entry);
    put(item, AG_PROBE_GO_HANDSHAKE, found.server.entry);
    put(item, AG_PROBE_GO_CLOSE, found.close.entry);
    put_returns(item, AG_PROBE_GO_READ, &found.read);
    put_returns(item, AG_PROBE_GO_WRITE, &found.write);
    put_returns(item, AG_PROBE_GO_NAME, &found.name);
}

static void forget(struct tls_library *item) {
    if (item->id && item->fd >= 0)
        close(item->fd);
    *item = (struct tls_library){.fd = -1};
}

static bool is_of(const struct tls_library *item, const struct stat *st) {
    return item->id && item->dev == st->st_dev && item->ino == st->st_ino && item->size == st->st_size &&
           item->changed.tv_sec == st->st_ctim.tv_sec && item->changed.tv_nsec == st->st_ctim.tv_nsec;
}

static void look(struct tls_library *item, int fd, const struct stat *st) {
    static void (*const WAYS[])(struct tls_library *, int) = {look_for_names, look_for_boringssl, look_for_go};
    item->dev = st->st_dev;
    item->ino = st->st_ino;
    item->size = st->st_size;
    item->changed = st->st_ctim;
    for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]) && !item->name; i++)
        WAYS[i](item, fd);
    if (item->why)
        item->count = 0;
    item->fd = item->name ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (item->fd < 0)
        item->name = NULL;
}

const struct tls_library *tls_library_of(struct tls_libraries *l, int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    struct tls_library *oldest = &l->items[0];
    for (int i = 0; i < TLS_LIBRARIES; i++) {
        struct tls_library *item = &l->items[i];
        if (is_of(item, &st)) {
            item->used = ++l->uses;
            return item->name ? item : NULL;
        }
        if (item->used < oldest->used)
            oldest = item;
    }
    forget(oldest);
    look(oldest, fd, &st);
    oldest->id = ++l->ids;
    oldest->used = ++l->uses;
    return oldest->name ? oldest : NULL;
}

bool tls_library_is_on_trial(const struct tls_library *library) {
    return library->found == BY_ERRORS;
}

void tls_libraries_free(struct tls_libraries *l) {
    for (int i = 0; i < TLS_LIBRARIES; i++)
        forget(&l->items[i]);
}
