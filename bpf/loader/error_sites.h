/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a program that has BoringSSL inside reports which of its errors: the calls of ERR_put_error() in functions of
 * one source file, whose name each of them passes (OPENSSL_PUT_ERROR, include/openssl/err.h).
 */
#ifndef AGENTGOV_ERROR_SITES_H
#define AGENTGOV_ERROR_SITES_H

#include "elf_file.h"

#define SITES_MAX 256

struct site {
    uint64_t function; /* address of the one that reports it */
    int64_t reason;
};

struct source {
    const char *name; /* as its path ends */
    bool found;
    uint64_t path; /* address of its text */
    struct site sites[SITES_MAX];
    size_t count;
    bool over; /* more of them than there can be */
};

/* Fills in all but the names. False when a path is not there, or twice, or there are more sites than there can be. */
bool error_sites_find(const struct elf *e, struct source *sources, size_t count);

/* Does `function` report `reason`? */
bool error_sites_has(const struct source *source, uint64_t function, int64_t reason);

#endif
