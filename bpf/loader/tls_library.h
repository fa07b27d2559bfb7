/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that hold a TLS library, and where in them the functions stand that are probed. */
#ifndef AGENTGOV_TLS_LIBRARY_H
#define AGENTGOV_TLS_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <bpf/libbpf.h>
#include "include/events.h"

#define TLS_PLACES_MAX 40

/* Where a program of bpf/tls_programs.bpf.h is put: at an instruction of the file, or at the return of the function there. */
struct tls_place {
    enum ag_probe probe;
    uint64_t offset;
};

struct tls_library {
    uint64_t id;                             /* of this content; 0: the place is free */
    const char *name;                        /* "openssl", "gnutls", "boringssl", "go"; NULL: no TLS library */
    const char *found;                       /* how its functions were: "symbols", "errors", "pclntab" */
    const char *why;                         /* it cannot be read; NULL: it can */
    int fd;                                  /* of the very file, -1 when it is none */
    struct tls_place places[TLS_PLACES_MAX]; /* in the order in which they are to be put in */
    size_t count;
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
/* Was it looked for without names, and has to stand its trial (bpf/tls_calls.bpf.h)? */
bool tls_library_is_on_trial(const struct tls_library *library);

void tls_libraries_free(struct tls_libraries *l);

#endif
