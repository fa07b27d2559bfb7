/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "loader/json.h"

static char room[4096];

static void expect(const char *bytes, size_t n, const char *want, bool inexact) {
    struct buf out = {.data = room, .cap = sizeof(room)};
    CHECK(json_bytes(&out, bytes, n) == inexact);
    CHECK_TEXT(out.data, out.len, want);
}

#define EXPECT(literal, want, inexact) expect(literal, sizeof(literal) - 1, want, inexact)

static void escapes_as_python(void) {
    EXPECT("", "\"\"", false);
    EXPECT("/usr/bin/env", "\"/usr/bin/env\"", false);
    EXPECT("a\"b", "\"a\\\"b\"", false);
    EXPECT("\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"", false);
    EXPECT("\0\x01\x1b\x1f\x7f", "\"\\u0000\\u0001\\u001b\\u001f\\u007f\"", false);
    EXPECT("\xc3\xa9", "\"\\u00e9\"", false);
    EXPECT("\xe2\x8b\xaf", "\"\\u22ef\"", false);
    EXPECT("\xe2\x80\xae", "\"\\u202e\"", false);
    EXPECT("\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\"", false);
    EXPECT("\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\"", false);
}

static void marks_what_is_not_utf8(void) {
    EXPECT("\xff", "\"\\\\xff\"", true);
    EXPECT("a\x80z", "\"a\\\\x80z\"", true);
    EXPECT("\xc0\xaf", "\"\\\\xc0\\\\xaf\"", true);                       /* overlong */
    EXPECT("\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\"", true);            /* a surrogate */
    EXPECT("\xf4\x90\x80\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\"", true); /* above U+10FFFF */
    EXPECT("\xe2\x8b", "\"\\\\xe2\\\\x8b\"", true);                       /* cut */
    EXPECT("\xc3\xc3\xa9", "\"\\\\xc3\\u00e9\"", true);
}

/* Only a backslash that would read like a \xNN is itself written as one. */
static void keeps_texts_apart(void) {
    EXPECT("\\", "\"\\\\\"", false);
    EXPECT("\\x", "\"\\\\x\"", false);
    EXPECT("\\x4", "\"\\\\x4\"", false);
    EXPECT("\\xg0", "\"\\\\xg0\"", false);
    EXPECT("\\xff", "\"\\\\x5cxff\"", true);
    EXPECT("\\xFf", "\"\\\\x5cxFf\"", true);
    EXPECT("\\x5c", "\"\\\\x5cx5c\"", true);
    EXPECT("\\\\x41", "\"\\\\\\\\x5cx41\"", true);
    EXPECT("\\x4\xff", "\"\\\\x4\\\\xff\"", true);
}

static void twins_and_payloads(void) {
    struct buf out = {.data = room, .cap = sizeof(room)};
    json_hex(&out, "\x00\xffz", 3);
    CHECK_TEXT(out.data, out.len, "\"00ff7a\"");
    static const char *const BASE64[] = {"\"\"", "\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\"", "\"Zm9vYmE=\""};
    for (size_t n = 0; n < 6; n++) {
        buf_reset(&out);
        json_base64(&out, "fooba", n);
        CHECK_TEXT(out.data, out.len, BASE64[n]);
    }
}

/* What does not fit is said, never written past the end. */
static void respects_the_end(void) {
    for (size_t cap = 0; cap < 24; cap++) {
        char *small = malloc(cap + 1);
        struct buf out = {.data = small, .cap = cap};
        small[cap] = 'G';
        json_bytes(&out, "\xff\xe2\x8b\xaf\"x\xf0\x9f\x98\x80", 10);
        CHECK(small[cap] == 'G');
        CHECK(out.len <= cap);
        CHECK(out.over);
        free(small);
    }
}

static void numbers(void) {
    struct buf out = {.data = room, .cap = sizeof(room)};
    buf_u64(&out, 0);
    buf_char(&out, ' ');
    buf_u64(&out, UINT64_MAX);
    buf_char(&out, ' ');
    buf_i64(&out, INT64_MIN);
    CHECK_TEXT(out.data, out.len, "0 18446744073709551615 -9223372036854775808");
}

int main(void) {
    escapes_as_python();
    marks_what_is_not_utf8();
    keeps_texts_apart();
    twins_and_payloads();
    respects_the_end();
    numbers();
    return summary("json");
}
