/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes of the kernel (names, arguments) as JSON strings, escaped exactly as Python's json.dumps does with
 * ensure_ascii: that is the canonical form of the audit log, and a line written here is never re-written.
 */
#ifndef AGENTGOV_JSON_H
#define AGENTGOV_JSON_H

#include "buf.h"

/*
 * Writes `n` bytes as one quoted string. A byte that is not part of valid UTF-8 becomes the text \xNN, and a backslash
 * that would read like such a text becomes \x5c, so two different byte strings never give the same text. Returns true
 * when that happened: the text alone is then not the bytes, and the caller adds the hexadecimal twin.
 */
bool json_bytes(struct buf *out, const void *bytes, size_t n);

/* The same bytes as one quoted string of lower-case hexadecimal digits. */
void json_hex(struct buf *out, const void *bytes, size_t n);

/* The same bytes as one quoted string of base64 (RFC 4648, with padding). */
void json_base64(struct buf *out, const void *bytes, size_t n);

/* A C string that is text of our own. */
void json_str(struct buf *out, const char *text);

/* The name of a further member of an object, which needs no escaping: its value comes next. */
void json_key(struct buf *out, const char *key);

/* A further member that is a number. */
void json_number(struct buf *out, const char *key, uint64_t number);

#endif
