/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include "base64.h"

static int digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static ssize_t decode(const char *text, size_t len, unsigned char *out) {
    size_t n = 0;
    if (len % 4)
        return -EINVAL;
    for (size_t at = 0; at < len; at += 4) {
        bool last = at + 4 == len;
        int padding = !last || text[at + 3] != '=' ? 0 : text[at + 2] == '=' ? 2 : 1;
        uint32_t bits = 0;
        for (int i = 0; i < 4; i++) {
            int value = i >= 4 - padding ? 0 : digit(text[at + i]);
            if (value < 0)
                return -EINVAL;
            bits = bits << 6 | value;
        }
        for (int i = 0; i < 3 - padding; i++)
            out[n++] = bits >> (16 - 8 * i);
    }
    return n;
}

ssize_t base64_decode(const char *text, size_t len, unsigned char **out) {
    *out = malloc(len / 4 * 3 + 3);
    return *out ? decode(text, len, *out) : -ENOMEM;
}
