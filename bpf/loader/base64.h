/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AGENTGOV_BASE64_H
#define AGENTGOV_BASE64_H

#include <sys/types.h>

/*
 * base64 (RFC 4648, with padding) to bytes, in memory that the caller frees whatever comes. -EINVAL when it is none,
 * -ENOMEM.
 */
ssize_t base64_decode(const char *text, size_t len, unsigned char **out);

#endif
