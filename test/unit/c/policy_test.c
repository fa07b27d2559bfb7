/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's tables as somebody hostile would send them. No kernel is needed: what is refused here never reaches it. */
#include "check.h"
#include "loader/policy.h"

static size_t entries;
static char why[256];

/* An object that is open and not loaded: its tables have sizes, and nothing can be written to them. */
static struct programs programs = {.enforces = true};

static int put(const char *table, const char *data) {
    struct command c = {.table = table, .table_len = strlen(table), .data = data, .data_len = strlen(data)};
    entries = 99;
    why[0] = '\0';
    return policy_put(&programs, &c, &entries, why, sizeof(why));
}

static void refuses_what_is_no_table(void) {
    CHECK(put("", "") == -EINVAL && why[0]);
    CHECK(put("rule", "") == -EINVAL);
    CHECK(put("rules ", "") == -EINVAL);
    CHECK(put("members", "") == -EINVAL); /* a map, but none of a policy's */
    CHECK(put("critical", "") == -EINVAL);
}

static void refuses_what_is_no_base64(void) {
    static const char *const BAD[] = {
        "A",        "AA",       "AAA",      "=",         "====",     "A===",     "AA=A",       "AA==AAAA",
        "AAA=AAAA", "AAA\nAAA", "AAAA AAA", "AAAAAA\"A", "AAAAAAA-", "AAAAAAA_", "AAAAAAA\x80"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        CHECK(put("rules", BAD[i]) == -EINVAL);
        CHECK(why[0]);
    }
}

/* A rule is a key of four bytes and a value of four: eleven characters of base64 and one "=". */
static void refuses_what_is_no_whole_entry(void) {
    CHECK(put("rules", "AAAAAAAAAA==") == -EINVAL); /* 7 bytes */
    CHECK(put("rules", "AAAAAAAAAAAA") == -EINVAL); /* 9 bytes */
    CHECK(put("policy", "AAAAAAAAAAA=") == -EINVAL);
    CHECK(put("states", "AAAAAAAAAAA=") == -EINVAL);
    CHECK(put("rules", "") == 0 && entries == 0);
}

static void says_when_the_kernel_takes_none(void) {
    CHECK(put("rules", "AAAAAAAAAAA=") < 0 && entries == 0);
    CHECK(strstr(why, "could not be written") != NULL);
}

static void refuses_everything_without_enforcement(void) {
    programs.enforces = false;
    CHECK(put("rules", "") == -EINVAL && strstr(why, "--enforce"));
    programs.enforces = true;
}

/* Bytes that nobody meant: each is taken whole or refused, with a sentence, and nothing is read beside them. */
static void survives_noise(void) {
    static const char ALPHABET[] = "ABCDEFGHabcdefgh01234567+/==\n\"";
    static const char *const TABLES[] = {"policy", "states", "long_edges", "name_rows", "blocks", "inodes"};
    __u64 state = 7;
    for (int round = 0; round < 20000; round++) {
        size_t len = next_random(&state) % 800;
        char *data = malloc(len); /* of exactly that size: a sanitizer sees a read behind it */
        for (size_t i = 0; i < len; i++)
            data[i] = ALPHABET[next_random(&state) % (round % 2 ? 26 : sizeof(ALPHABET) - 1)];
        const char *table = TABLES[next_random(&state) % 6];
        struct command c = {.table = table, .table_len = strlen(table), .data = data, .data_len = len};
        int err = policy_put(&programs, &c, &entries, why, sizeof(why));
        CHECK(err < 0 ? why[0] != '\0' : len == 0);
        free(data);
    }
}

int main(void) {
    programs.skel = agentgov_bpf__open();
    if (!programs.skel || agent_maps_plan(&programs.own, programs.skel->obj)) {
        printf("the object cannot be opened\n");
        return 1;
    }
    refuses_what_is_no_table();
    refuses_what_is_no_base64();
    refuses_what_is_no_whole_entry();
    says_when_the_kernel_takes_none();
    refuses_everything_without_enforcement();
    survives_noise();
    agentgov_bpf__destroy(programs.skel);
    return summary("policy");
}
