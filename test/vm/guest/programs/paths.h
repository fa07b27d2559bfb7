/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, for the ways that move files and folders (ways.h first). */
#ifndef PATHS_H
#define PATHS_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One of the last four texts. */
__attribute__((format(printf, 1, 2))) static const char *text(const char *format, ...) {
    static char buffers[4][512];
    static int next;
    char *to = buffers[next++ % 4];
    va_list args;
    va_start(args, format);
    vsnprintf(to, sizeof(buffers[0]), format, args);
    va_end(args);
    return to;
}

static const char *folder_of(const char *path) {
    return text("%.*s", (int)(strrchr(path, '/') - path), path);
}

/* bpffs takes no dots. */
static int move_and_back(const char *path) {
    const char *away = text("%s-away", path);
    return rename(path, away) ? -1 : need(rename(away, path), "rename back");
}

#endif
