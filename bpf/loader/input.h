/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lines of stdin. A line without an end is not collected for ever. */
#ifndef AGENTGOV_INPUT_H
#define AGENTGOV_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include "command.h"

struct input {
    int fd;
    size_t len;
    bool skipping; /* the rest of a line that was too long */
    bool ended;
    char line[COMMAND_LINE_MAX];
};

/* Reads once (fd is readable) and gives each whole line to `take`, without its LF; one that is too long as an empty
 * one. */
void input_read(struct input *in, void (*take)(void *arg, const char *line, size_t len), void *arg);

#endif
