/* SPDX-License-Identifier: Apache-2.0 */
/* What the C unit tests share: checks that say where they failed, and records made by hand. */
#ifndef AGENTGOV_CHECK_H
#define AGENTGOV_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "loader/buf.h"
#include "loader/record.h"

static int checks, failures;

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        checks++;                                                                                                      \
        if (!(cond)) {                                                                                                 \
            failures++;                                                                                                \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #cond);                                                          \
        }                                                                                                              \
    } while (0)

#define CHECK_TEXT(got, len, want) check_text(__FILE__, __LINE__, got, len, want)

static inline void check_text(const char *file, int line, const char *got, size_t len, const char *want) {
    checks++;
    if (len == strlen(want) && memcmp(got, want, len) == 0)
        return;
    failures++;
    printf("%s:%d:\n  got  %.*s\n  want %s\n", file, line, (int)len, got, want);
}

/* The last line of every test's main(). */
static inline int summary(const char *name) {
    printf("%s: %d checks, %d failed\n", name, checks, failures);
    return failures != 0;
}

/* The same numbers on every machine: a failure can be run again. */
static inline __u32 next_random(__u64 *state) {
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 33;
}

struct made {
    char bytes[sizeof(struct ag_record) + 65536];
};

static inline struct ag_record *make_record(struct made *m, __u16 kind) {
    struct ag_record *head = (void *)m->bytes;
    *head = (struct ag_record){.ktime = 5000000000,
                               .start = 4000123456,
                               .pid = 100,
                               .tid = 101,
                               .uid = 1000,
                               .gid = 1001,
                               .kind = kind,
                               .nr = 0xffff,
                               .comm = "agent"};
    return head;
}

static inline void add_part(struct made *m, enum ag_part_type type, __u8 flags, const void *data, size_t len) {
    CHECK(record_append(m->bytes, sizeof(m->bytes), type, flags, data, len));
}

/* A literal without its own NUL; NULs inside count. */
#define ADD_PART(m, type, flags, literal) add_part(m, type, flags, literal, sizeof(literal) - 1)

#endif
