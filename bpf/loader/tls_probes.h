/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Probes on the functions of a library, for one process: never for everybody who maps the file, for whom each call
 * would cost a trap. They stay through an exec of the process (which may map the library again) and are not inherited
 * by a child with memory of its own.
 */
#ifndef AGENTGOV_TLS_PROBES_H
#define AGENTGOV_TLS_PROBES_H

#include <stdbool.h>
#include <stdint.h>
#include "tiers.h"
#include "tls_library.h"

struct tls_probes {
    int fds[TLS_PLACES_MAX]; /* one link for all, or one event each */
    int count;
};

/* Before load: which way this kernel has. Programs of the one way cannot be attached in the other. */
void tls_probes_prepare(struct agentgov_bpf *skel);

/* 0, or a negative errno and nothing is attached. */
int tls_probes_attach(const struct agentgov_bpf *skel, const struct tls_library *library, uint32_t pid,
                      struct tls_probes *out);

/*
 * Taking probes out waits for the kernel too, 30 to 120 ms each: done behind the caller's back, by threads.
 * tls_probes_end() waits until all is done.
 */
bool tls_probes_begin(void);
void tls_probes_detach(struct tls_probes *probes);
void tls_probes_end(void);

#endif
