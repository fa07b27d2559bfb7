/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that hold a TLS library, and where in them the functions stand that are probed. */
#ifndef AGENTGOV_TLS_LIBRARY_H
#define AGENTGOV_TLS_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum tls_function {
    TLS_SSL_NEW,
    TLS_SSL_FREE,
    TLS_SSL_DO_HANDSHAKE,
    TLS_SSL_CTRL,
    TLS_SSL_READ,
    TLS_SSL_WRITE,
    TLS_SSL_READ_EX,
    TLS_SSL_WRITE_EX,
    TLS_GNUTLS_DEINIT,
    TLS_GNUTLS_HANDSHAKE,
    TLS_GNUTLS_SERVER_NAME_SET,
    TLS_GNUTLS_RECORD_RECV,
    TLS_GNUTLS_RECORD_SEND,
    TLS_GNUTLS_RECORD_SEND2,
    TLS_NAMED, /* those of BoringSSL are told by what they do */
    TLS_BORINGSSL_BEGIN = TLS_NAMED,
    TLS_BORINGSSL_END,
    TLS_BORINGSSL_HANDSHAKE,
    TLS_BORINGSSL_SET_HOST_NAME,
    TLS_BORINGSSL_READ,
    TLS_BORINGSSL_WRITE,
    TLS_FUNCTIONS,
};

struct tls_library {
    uint64_t id;      /* of this content; 0: the place is free */
    const char *name; /* "openssl", "gnutls", "boringssl"; NULL: no TLS library */
    bool searched;    /* its functions were not found by their names */
    int fd;           /* of the very file, -1 when it is none */
    uint64_t offsets[TLS_FUNCTIONS];
    uint64_t used; /* when it was asked for last, by a counter */
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

#define TLS_LIBRARIES 64

struct tls_libraries {
    struct tls_library items[TLS_LIBRARIES];
    uint64_t ids, uses;
};

/*
 * The library in an open file, looked into when it is new or has changed since; NULL when it holds none. By the file
 * itself and not by its build id, which whoever builds a file can choose. `fd` stays the caller's; the answer is good
 * until the next call.
 */
const struct tls_library *tls_library_of(struct tls_libraries *l, int fd);
void tls_libraries_free(struct tls_libraries *l);

#endif
