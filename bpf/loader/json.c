/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "json.h"

static const char HEX[] = "0123456789abcdef";

/* 1 for what stands for itself in a JSON string and can neither begin nor look like an escape. */
static const uint8_t PLAIN[256] = {
    [' '] = 1,
    ['!'] = 1,
    ['#' ... '['] = 1,
    [']' ... '~'] = 1,
};

static void put_unit(struct buf *out, unsigned unit) {
    char text[6] = {'\\', 'u', HEX[unit >> 12], HEX[unit >> 8 & 15], HEX[unit >> 4 & 15], HEX[unit & 15]};
    buf_put(out, text, sizeof(text));
}

static void put_code_point(struct buf *out, uint32_t cp) {
    if (cp < 0x10000) {
        put_unit(out, cp);
        return;
    }
    put_unit(out, 0xd800 + ((cp - 0x10000) >> 10));
    put_unit(out, 0xdc00 + ((cp - 0x10000) & 0x3ff));
}

/* The text \xNN; its backslash is itself escaped in JSON. */
static void put_raw_byte(struct buf *out, uint8_t byte) {
    char text[5] = {'\\', '\\', 'x', HEX[byte >> 4], HEX[byte & 15]};
    buf_put(out, text, sizeof(text));
}

/*
 * Length of the well-formed UTF-8 sequence at `s` (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing
 * above U+10FFFF), its code point in *cp; 0 when there is none.
 */
static size_t utf8_sequence(const uint8_t *s, size_t n, uint32_t *cp) {
    size_t len;
    uint8_t low = 0x80, high = 0xbf;
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        len = 2;
        *cp = s[0] & 0x1f;
    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        len = 3;
        *cp = s[0] & 0x0f;
        if (s[0] == 0xe0)
            low = 0xa0;
        else if (s[0] == 0xed)
            high = 0x9f;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        len = 4;
        *cp = s[0] & 0x07;
        if (s[0] == 0xf0)
            low = 0x90;
        else if (s[0] == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    if (n < len || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *cp = *cp << 6 | (s[i] & 0x3f);
    }
    return len;
}

static bool is_hex_digit(uint8_t c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Would the backslash at `s` be taken for the start of a \xNN? */
static bool looks_raw(const uint8_t *s, size_t n) {
    return n >= 4 && s[1] == 'x' && is_hex_digit(s[2]) && is_hex_digit(s[3]);
}

static void put_ascii(struct buf *out, uint8_t c) {
    static const char SHORT[128] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    if (SHORT[c]) {
        char text[2] = {'\\', SHORT[c]};
        buf_put(out, text, sizeof(text));
    } else {
        put_unit(out, c);
    }
}

bool json_bytes(struct buf *out, const void *bytes, size_t n) {
    const uint8_t *s = bytes;
    bool inexact = false;
    buf_char(out, '"');
    for (size_t i = 0; i < n;) {
        size_t run = i;
        while (run < n && PLAIN[s[run]])
            run++;
        if (run > i) {
            buf_put(out, s + i, run - i);
            i = run;
            continue;
        }
        uint32_t cp;
        size_t len;
        if (s[i] == '\\' && looks_raw(s + i, n - i)) {
            put_raw_byte(out, s[i++]);
            inexact = true;
        } else if (s[i] < 0x80) {
            put_ascii(out, s[i++]);
        } else if ((len = utf8_sequence(s + i, n - i, &cp)) != 0) {
            put_code_point(out, cp);
            i += len;
        } else {
            put_raw_byte(out, s[i++]);
            inexact = true;
        }
    }
    buf_char(out, '"');
    return inexact;
}

void json_hex(struct buf *out, const void *bytes, size_t n) {
    const uint8_t *s = bytes;
    if (!buf_room(out, 2 * n + 2))
        return;
    buf_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        buf_char(out, HEX[s[i] >> 4]);
        buf_char(out, HEX[s[i] & 15]);
    }
    buf_char(out, '"');
}

void json_base64(struct buf *out, const void *bytes, size_t n) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *s = bytes;
    if (!buf_room(out, (n + 2) / 3 * 4 + 2))
        return;
    buf_char(out, '"');
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t word = (uint32_t)s[i] << 16 | (left > 1 ? (uint32_t)s[i + 1] << 8 : 0) | (left > 2 ? s[i + 2] : 0);
        buf_char(out, DIGITS[word >> 18]);
        buf_char(out, DIGITS[word >> 12 & 63]);
        buf_char(out, left > 1 ? DIGITS[word >> 6 & 63] : '=');
        buf_char(out, left > 2 ? DIGITS[word & 63] : '=');
    }
    buf_char(out, '"');
}

void json_str(struct buf *out, const char *text) {
    json_bytes(out, text, strlen(text));
}

void json_key(struct buf *out, const char *key) {
    buf_str(out, ",\"");
    buf_str(out, key);
    buf_str(out, "\":");
}

void json_number(struct buf *out, const char *key, uint64_t number) {
    json_key(out, key);
    buf_u64(out, number);
}
