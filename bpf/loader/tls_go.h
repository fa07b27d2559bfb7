/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the functions of Go's crypto/tls stand in a program, and where they return: a goroutine's stack moves, so the
 * kernel's own return probes, which put an address of theirs onto it, would break the program.
 */
#ifndef AGENTGOV_TLS_GO_H
#define AGENTGOV_TLS_GO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_GO_RETURNS_MAX 16

struct tls_go_function {
    uint64_t entry; /* in the file, where its arguments are there as at its beginning; 0: the program has none */
    uint64_t returns[TLS_GO_RETURNS_MAX];
    size_t count;
};

struct tls_go {
    /* (*Conn).Read, Write, Close, clientHandshake and serverHandshake; hostnameInSNI(string) string. */
    struct tls_go_function read, write, close, client, server, name;
    const char *why; /* it has crypto/tls, and that cannot be read; NULL: it can */
};

/* False when the file is no Go program, or one without crypto/tls. */
bool tls_go_functions(int fd, struct tls_go *out);

#endif
