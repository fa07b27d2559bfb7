/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the TLS libraries of the tree as they come, and probes them, in a thread of its own: a process that maps a
 * library is about to use it, and neither the rings nor a file made to be slow to read may hold that up, nor it them.
 */
#ifndef AGENTGOV_TLS_WATCH_H
#define AGENTGOV_TLS_WATCH_H

#include <stddef.h>
#include "buf.h"
#include "programs.h"

struct tls_watch;

/* NULL when there is no memory or no thread. */
struct tls_watch *tls_watch_start(const struct programs *p);

/* Looks at all members, which may have mapped what they use long ago. When it returns their libraries are probed. */
void tls_watch_adopt(struct tls_watch *w);

/* Appends what was found since the last time, as control lines. */
void tls_watch_tell(struct tls_watch *w, struct buf *out);

/* Takes all probes out, and tells as tls_watch_tell() does. What is in the rings stays there. */
void tls_watch_stop(struct tls_watch *w, struct buf *out);

#endif
