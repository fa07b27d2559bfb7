/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>
#include "path.h"

static void append(struct path *out, const char *bytes, size_t n) {
    if (sizeof(out->bytes) - out->len < n)
        n = sizeof(out->bytes) - out->len;
    memcpy(out->bytes + out->len, bytes, n);
    out->len += n;
}

static void append_text(struct path *out, const char *text) {
    append(out, text, strlen(text));
}

void path_from_part(const struct part *part, struct path *out) {
    out->len = 0;
    out->deleted = part->flags & AG_PART_DELETED;
    out->resolved = !(part->flags & (AG_PART_CUT | AG_PART_OUTSIDE | AG_PART_UNREAD));
    if (part->flags & AG_PART_OUTSIDE)
        append_text(out, "(unreachable)");
    /* Components end with one NUL each; from behind, so the root comes first. */
    size_t end = part->len;
    while (end > 0) {
        size_t stop = part->data[end - 1] == '\0' ? end - 1 : end, start = stop;
        while (start > 0 && part->data[start - 1] != '\0')
            start--;
        if (out->len > 0 || !(part->flags & AG_PART_CUT))
            append_text(out, "/");
        append(out, part->data + start, stop - start);
        end = start;
    }
    if (part->len == 0)
        append_text(out, "/");
}

/* Takes the last component off a resolved directory; the root stays the root. */
static void step_up(struct path *out) {
    while (out->len > 1 && out->bytes[out->len - 1] != '/')
        out->len--;
    if (out->len > 1)
        out->len--;
}

void path_join(const struct part *asked, const struct part *base, struct path *out) {
    const char *s = asked->data, *end = s + asked->len;
    bool absolute = s < end && *s == '/';
    out->len = 0;
    out->deleted = false;
    if (asked->flags & AG_PART_UNREAD)
        return;
    /* ".." leads out of the base only while nothing but the base stands before it. */
    bool in_base = false;
    if (base) {
        path_from_part(base, out);
        in_base = out->resolved;
        out->deleted = false;
    }
    out->resolved = false;
    bool rooted = base || absolute;
    if (out->len == 1 && out->bytes[0] == '/')
        out->len = 0; /* each name below brings its own slash */
    while (s < end) {
        while (s < end && *s == '/')
            s++;
        const char *name = s;
        while (s < end && *s != '/')
            s++;
        size_t n = s - name;
        if (n == 0 || (n == 1 && name[0] == '.'))
            continue;
        if (n == 2 && name[0] == '.' && name[1] == '.' && in_base) {
            /* An absolute name starts at the process's own root, and ".." does not leave that. */
            if (!absolute)
                step_up(out);
            if (out->len == 1 && out->bytes[0] == '/')
                out->len = 0;
            continue;
        }
        in_base = false;
        if (rooted || out->len > 0)
            append_text(out, "/");
        append(out, name, n);
    }
    if (out->len == 0 && rooted)
        append_text(out, "/");
    else if (out->len == 0 && asked->len > 0)
        append_text(out, ".");
}

void path_of_record(const struct record *r, bool second, struct path *out) {
    const struct part *part = record_part(r, AG_PART_PATH, second);
    if (part) {
        path_from_part(part, out);
        return;
    }
    out->len = 0;
    out->resolved = true;
    out->deleted = false;
    part = record_part(r, AG_PART_ASKED, second);
    if (part)
        path_join(part, record_part(r, AG_PART_BASE, second), out);
}

size_t path_to_part(const char *text, size_t len, char *out, size_t cap) {
    size_t used = 0;
    for (size_t end = len; end > 0;) {
        size_t start = end;
        while (start > 0 && text[start - 1] != '/')
            start--;
        size_t n = end - start;
        if (n > 0 && cap - used >= n + 1) {
            memcpy(out + used, text + start, n);
            out[used + n] = '\0';
            used += n + 1;
        }
        end = start > 0 ? start - 1 : 0;
    }
    return used;
}
