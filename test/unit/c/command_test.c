/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "loader/command.h"

static struct command c;
static const char *why;

static bool parse(const char *line) {
    return command_parse(line, strlen(line), &c, &why);
}

static void understands_the_commands(void) {
    CHECK(parse("{\"cmd\":\"govern\",\"pids\":[1,22],\"id\":7}"));
    CHECK(c.name == CMD_GOVERN && c.has_id && c.id == 7 && c.pids_count == 2 && c.pids[0] == 1 && c.pids[1] == 22);
    CHECK(parse(" { \"id\" : 0 , \"cmd\" : \"stop\" } \r") && c.name == CMD_STOP && c.id == 0);
    CHECK(parse("{\"cmd\":\"stats\",\"id\":9007199254740991}") && c.id == 9007199254740991);
    CHECK(parse("{\"cmd\":\"member\",\"pid\":5,\"id\":1}") && c.name == CMD_MEMBER && c.pids[0] == 5);
    CHECK(parse("{\"cmd\":\"tables\",\"pid\":6,\"id\":1}") && c.name == CMD_TABLES && c.pids[0] == 6);
    CHECK(parse("{\"cmd\":\"swap\",\"head\":3,\"id\":1}") && c.name == CMD_SWAP && c.head == 3);
    CHECK(parse("{\"cmd\":\"clear\",\"id\":1}") && c.name == CMD_CLEAR);
    CHECK(parse("{\"cmd\":\"block\",\"id\":1}") && c.name == CMD_BLOCK);
    CHECK(parse("{\"cmd\":\"unblock\",\"id\":1}") && c.name == CMD_UNBLOCK);
    CHECK(!parse("{\"cmd\":\"swap\",\"id\":1}"));
    CHECK(!parse("{\"cmd\":\"swap\",\"head\":-1,\"id\":1}"));
    CHECK(!parse("{\"cmd\":\"swap\",\"head\":1,\"head\":2,\"id\":1}"));
    CHECK(!parse("{\"cmd\":\"clear\",\"head\":1,\"id\":1}"));
    CHECK(parse("{\"cmd\":\"policy\",\"table\":\"rules\",\"data\":\"AAA=\",\"id\":1}") && c.name == CMD_POLICY);
    CHECK(c.table_len == 5 && memcmp(c.table, "rules", 5) == 0 && c.data_len == 4 && memcmp(c.data, "AAA=", 4) == 0);
    CHECK(parse("{\"cmd\":\"keep\",\"id\":1}") && c.name == CMD_KEEP);
    CHECK(parse("{\"cmd\":\"release\",\"id\":1}") && c.name == CMD_RELEASE);
    CHECK(parse("{\"cmd\":\"take_over\",\"id\":1}") && c.name == CMD_TAKE_OVER);
    CHECK(parse("{\"cmd\":\"forget\",\"id\":1}") && c.name == CMD_FORGET);
    CHECK(parse("{\"cmd\":\"guard\",\"data\":\"AAA=\",\"id\":1}") && c.name == CMD_GUARD && c.data_len == 4);
    CHECK(parse("{\"cmd\":\"leave\"}") && c.name == CMD_LEAVE && !c.has_id);
    CHECK(parse("{\"cmd\":\"quit\"}") && c.name == CMD_QUIT && !c.has_id);
}

static void refuses_everything_else(void) {
    static const char *const BAD[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"cmd\":\"govern\"}",
        "{\"cmd\":\"govern\",\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[0],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[-1],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[1.5],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[1e3],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[\"1\"],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[01],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[1,],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[4294967297],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":[[1]],\"id\":1}",
        "{\"cmd\":\"govern\",\"pids\":1,\"id\":1}",
        "{\"cmd\":\"member\",\"pids\":[1,2],\"id\":1}",
        "{\"cmd\":\"stop\",\"id\":1,\"id\":2}",
        "{\"cmd\":\"stop\",\"cmd\":\"quit\",\"id\":1}",
        "{\"cmd\":\"stop\",\"id\":9007199254740992}",
        "{\"cmd\":\"stop\",\"id\":1}x",
        "{\"cmd\":\"stop\",\"id\":1",
        "{\"cmd\":\"stop\",\"id\":}",
        "{\"cmd\":\"stop\" \"id\":1}",
        "{\"cmd\":\"st\\u006fp\",\"id\":1}",
        "{\"cmd\":\"halt\",\"id\":1}",
        "{\"cmd\":\"stop\",\"id\":1,\"more\":1}",
        "{cmd:\"stop\",\"id\":1}",
        "{\"cmd\":\"stop\",\"pids\":[1],\"id\":1}",
        "{\"cmd\":\"policy\",\"id\":1}",
        "{\"cmd\":\"policy\",\"table\":\"rules\",\"id\":1}",
        "{\"cmd\":\"policy\",\"table\":\"rules\",\"data\":\"\",\"data\":\"\",\"id\":1}",
        "{\"cmd\":\"policy\",\"table\":\"rules\",\"data\":[],\"id\":1}",
        "{\"cmd\":\"stop\",\"table\":\"rules\",\"data\":\"\",\"id\":1}",
        "{\"cmd\":\"guard\",\"id\":1}",
        "{\"cmd\":\"guard\",\"table\":\"rules\",\"data\":\"\",\"id\":1}",
        "{\"cmd\":{\"a\":1},\"id\":1}",
        "{\"cmd\":\"stop\n\",\"id\":1}",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        CHECK(!parse(BAD[i]));
        CHECK(why && *why);
    }
    CHECK(!command_parse("{\"cmd\":\"quit\"}\0", 15, &c, &why));
}

/* Enough of a broken command is read to answer under its id. */
static void keeps_the_id(void) {
    CHECK(!parse("{\"id\":42,\"cmd\":\"halt\"}") && c.has_id && c.id == 42);
}

static void bounds_the_pids(void) {
    static char line[COMMAND_LINE_MAX];
    size_t len = sprintf(line, "{\"cmd\":\"govern\",\"id\":1,\"pids\":[1");
    for (int i = 1; i < COMMAND_PIDS_MAX; i++)
        len += sprintf(line + len, ",%d", i);
    strcpy(line + len, "]}");
    CHECK(parse(line) && c.pids_count == COMMAND_PIDS_MAX);
    strcpy(line + len, ",1]}");
    CHECK(!parse(line));
}

static void survives_noise(void) {
    static const char ALPHABET[] = "{}[]\":,0123456789-cmdidpgovernst \\\n\xff";
    __u64 seed = 3;
    for (int i = 0; i < 50000; i++) {
        size_t len = next_random(&seed) % 40;
        char *line = malloc(len ? len : 1);
        for (size_t at = 0; at < len; at++)
            line[at] = ALPHABET[next_random(&seed) % (sizeof(ALPHABET) - 1)];
        command_parse(line, len, &c, &why);
        free(line);
    }
    CHECK(true);
}

int main(void) {
    understands_the_commands();
    refuses_everything_else();
    keeps_the_id();
    bounds_the_pids();
    survives_noise();
    return summary("command");
}
