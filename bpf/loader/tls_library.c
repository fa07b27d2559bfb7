/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "tls_boringssl.h"
#include "tls_elf.h"
#include "tls_library.h"

static const char *const NAMES[TLS_NAMED] = {
    [TLS_SSL_NEW] = "SSL_new",
    [TLS_SSL_FREE] = "SSL_free",
    [TLS_SSL_DO_HANDSHAKE] = "SSL_do_handshake",
    [TLS_SSL_CTRL] = "SSL_ctrl",
    [TLS_SSL_READ] = "SSL_read",
    [TLS_SSL_WRITE] = "SSL_write",
    [TLS_SSL_READ_EX] = "SSL_read_ex",
    [TLS_SSL_WRITE_EX] = "SSL_write_ex",
    [TLS_GNUTLS_DEINIT] = "gnutls_deinit",
    [TLS_GNUTLS_HANDSHAKE] = "gnutls_handshake",
    [TLS_GNUTLS_SERVER_NAME_SET] = "gnutls_server_name_set",
    [TLS_GNUTLS_RECORD_RECV] = "gnutls_record_recv",
    [TLS_GNUTLS_RECORD_SEND] = "gnutls_record_send",
    [TLS_GNUTLS_RECORD_SEND2] = "gnutls_record_send2",
};

static const char *name_of(uint64_t *at) {
    if (at[TLS_SSL_READ] && at[TLS_SSL_WRITE])
        return "openssl";
    /* From 3.6.3 on gnutls_record_send() is a jump into gnutls_record_send2(): one of them tells all. */
    if (at[TLS_GNUTLS_RECORD_SEND2])
        at[TLS_GNUTLS_RECORD_SEND] = 0;
    if (at[TLS_GNUTLS_RECORD_RECV] && (at[TLS_GNUTLS_RECORD_SEND] || at[TLS_GNUTLS_RECORD_SEND2]))
        return "gnutls";
    return NULL;
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

static bool search(int fd, uint64_t *at) {
    struct boringssl found;
    if (!boringssl_functions(fd, &found))
        return false;
    memset(at, 0, TLS_FUNCTIONS * sizeof(*at)); /* the name of one alone is of no use */
    at[TLS_BORINGSSL_BEGIN] = found.begin;
    at[TLS_BORINGSSL_END] = found.end;
    at[TLS_BORINGSSL_HANDSHAKE] = found.handshake;
    at[TLS_BORINGSSL_SET_HOST_NAME] = found.set_host_name;
    at[TLS_BORINGSSL_READ] = found.read;
    at[TLS_BORINGSSL_WRITE] = found.write;
    return true;
}

static void look(struct tls_library *item, int fd, const struct stat *st) {
    item->dev = st->st_dev;
    item->ino = st->st_ino;
    item->size = st->st_size;
    item->changed = st->st_ctim;
    if (elf_functions(fd, NAMES, TLS_NAMED, item->offsets))
        item->name = name_of(item->offsets);
    if (!item->name && search(fd, item->offsets)) {
        item->name = "boringssl";
        item->searched = true;
    }
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

void tls_libraries_free(struct tls_libraries *l) {
    for (int i = 0; i < TLS_LIBRARIES; i++)
        forget(&l->items[i]);
}
