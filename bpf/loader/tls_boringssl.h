/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where BoringSSL's functions stand in a program that has it inside and no symbols (Bun, and what is built with it).
 *
 * They are told by the errors that they report: OPENSSL_PUT_ERROR passes the name of the source file, which stays in
 * the program as text, and the error's number, which is part of BoringSSL's interface (include/openssl/ssl.h) and
 * stays the same from version to version, as instructions and line numbers do not. What a function is known by is then
 * held to what else is known of it, and where anything is missing or there twice nothing is found: a probe in a wrong
 * place would read what is not its own, and one within an instruction would break the program.
 */
#ifndef AGENTGOV_TLS_BORINGSSL_H
#define AGENTGOV_TLS_BORINGSSL_H

#include <stdbool.h>
#include <stdint.h>

struct boringssl {
    /* Where each begins in the file. */
    uint64_t read, write, handshake, set_host_name;
    uint64_t begin, end; /* tls_new(SSL *), tls_free(SSL *): an object begins and ends as a connection */
};

/* False when not all of them were found, which on other processors than x86-64 is always. */
bool boringssl_functions(int fd, struct boringssl *out);

#endif
