/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the parts of a record to the bytes of one path. */
#ifndef AGENTGOV_PATH_TEXT_H
#define AGENTGOV_PATH_TEXT_H

#include "record.h"

#define PATH_BYTES (2 * AG_PATH_MAX + 64) /* a base and a name behind it */

struct path {
    size_t len;    /* 0: not known */
    bool resolved; /* the kernel's own name of the object, not what somebody asked for */
    bool deleted;
    char bytes[PATH_BYTES];
};

/*
 * The path that a resolved part (PATH, BASE, CWD) holds. What hangs in no visible mount namespace gets the prefix
 * "(unreachable)" in place of the root, as getcwd(2) writes it, so it never reads like a file that can be opened; a
 * walk that was cut has no leading slash and counts as not resolved.
 */
void path_from_part(const struct part *part, struct path *out);

/*
 * A name as asked, behind the directory that it starts from (NULL: not known; an absolute name starts from the root
 * that the process has). Joined lexically: "//" and "." vanish, and ".." only where it steps out of the resolved base.
 * Behind a name that may be a symbolic link ".." is not the parent, so there it stays.
 */
void path_join(const struct part *asked, const struct part *base, struct path *out);

/* What the record knows of its first or second object: PATH before ASKED and BASE. */
void path_of_record(const struct record *r, bool second, struct path *out);

/* A text path ("/a/b") in the form of a PATH part, leaf first; returns its length. */
size_t path_to_part(const char *text, size_t len, char *out, size_t cap);

#endif
