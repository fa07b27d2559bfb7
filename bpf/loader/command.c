/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdint.h>
#include <string.h>
#include "command.h"

struct cursor {
    const char *at, *end;
};

static void skip_space(struct cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static bool accept(struct cursor *c, char what) {
    skip_space(c);
    if (c->at == c->end || *c->at != what)
        return false;
    c->at++;
    return true;
}

/* A string of plain characters: no command or key needs an escape. */
static bool read_word(struct cursor *c, const char **word, size_t *len) {
    if (!accept(c, '"'))
        return false;
    *word = c->at;
    while (c->at < c->end && *c->at != '"') {
        unsigned char ch = *c->at;
        if (ch < 0x20 || ch == '\\')
            return false;
        c->at++;
    }
    *len = c->at - *word;
    return accept(c, '"');
}

/* An integer as JSON writes it, within the safe ones. */
static bool read_integer(struct cursor *c, int64_t *out) {
    const int64_t safe = (1LL << 53) - 1;
    skip_space(c);
    bool negative = c->at < c->end && *c->at == '-';
    if (negative)
        c->at++;
    const char *first = c->at;
    int64_t n = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        n = 10 * n + (*c->at++ - '0');
        if (n > safe)
            return false;
    }
    if (c->at == first || (*first == '0' && c->at > first + 1))
        return false;
    *out = negative ? -n : n;
    return true;
}

static bool read_pid(struct cursor *c, struct command *out) {
    int64_t pid;
    if (!read_integer(c, &pid) || pid < 1 || pid > INT32_MAX || out->pids_count == COMMAND_PIDS_MAX)
        return false;
    out->pids[out->pids_count++] = pid;
    return true;
}

static bool read_pids(struct cursor *c, struct command *out) {
    if (!accept(c, '['))
        return false;
    if (accept(c, ']'))
        return true;
    do {
        if (!read_pid(c, out))
            return false;
    } while (accept(c, ','));
    return accept(c, ']');
}

static bool is_word(const char *word, size_t len, const char *what) {
    return len == strlen(what) && memcmp(word, what, len) == 0;
}

static enum command_name name_of(const char *word, size_t len) {
    static const char *const NAMES[] = {
        [CMD_GOVERN] = "govern",       [CMD_STOP] = "stop",     [CMD_STATS] = "stats",
        [CMD_MEMBER] = "member",       [CMD_TABLES] = "tables", [CMD_POLICY] = "policy",
        [CMD_SWAP] = "swap",           [CMD_CLEAR] = "clear",   [CMD_BLOCK] = "block",
        [CMD_UNBLOCK] = "unblock",     [CMD_KEEP] = "keep",     [CMD_RELEASE] = "release",
        [CMD_TAKE_OVER] = "take_over", [CMD_FORGET] = "forget", [CMD_GUARD] = "guard",
        [CMD_LEAVE] = "leave",         [CMD_QUIT] = "quit"};
    for (enum command_name name = CMD_GOVERN; name <= CMD_QUIT; name++)
        if (is_word(word, len, NAMES[name]))
            return name;
    return CMD_NONE;
}

static bool read_field(struct cursor *c, struct command *out, const char **why) {
    const char *key, *word;
    size_t key_len, len;
    *why = "the command is not a flat JSON object";
    if (!read_word(c, &key, &key_len) || !accept(c, ':'))
        return false;
    if (is_word(key, key_len, "cmd")) {
        *why = "the command is not known";
        return out->name == CMD_NONE && read_word(c, &word, &len) && (out->name = name_of(word, len)) != CMD_NONE;
    }
    if (is_word(key, key_len, "id")) {
        *why = "the id is not an integer";
        return !out->has_id && (out->has_id = read_integer(c, &out->id));
    }
    if (is_word(key, key_len, "head")) {
        *why = "the head is not an integer from 0";
        return !out->has_head && (out->has_head = read_integer(c, &out->head)) && out->head >= 0;
    }
    if (is_word(key, key_len, "pids") || is_word(key, key_len, "pid")) {
        *why = "a pid is not a positive number, or there are too many";
        return !out->pids_count && (key_len == 4 ? read_pids(c, out) : read_pid(c, out));
    }
    *why = "a table or its data is no plain text, or there are two";
    if (is_word(key, key_len, "table"))
        return !out->table && read_word(c, &out->table, &out->table_len);
    if (is_word(key, key_len, "data"))
        return !out->data && read_word(c, &out->data, &out->data_len);
    *why = "the command has a field that is not known";
    return false;
}

static bool is_complete(const struct command *c, const char **why) {
    *why = "the command has no name";
    if (c->name == CMD_NONE)
        return false;
    *why = "the command lacks its id";
    if (!c->has_id && c->name != CMD_QUIT && c->name != CMD_LEAVE)
        return false;
    *why = "a table belongs to policy, data to policy and guard, and to nothing else";
    if ((c->name == CMD_POLICY) != (c->table != NULL) ||
        (c->name == CMD_POLICY || c->name == CMD_GUARD) != (c->data != NULL))
        return false;
    *why = "a head belongs to swap, and to nothing else";
    if ((c->name == CMD_SWAP) != c->has_head)
        return false;
    *why = "the command lacks its pids, or has too many";
    switch (c->name) {
    case CMD_GOVERN:
        return c->pids_count > 0;
    case CMD_MEMBER:
    case CMD_TABLES:
        return c->pids_count == 1;
    default:
        return c->pids_count == 0;
    }
}

bool command_parse(const char *line, size_t len, struct command *out, const char **why) {
    struct cursor c = {.at = line, .end = line + len};
    out->name = CMD_NONE;
    out->has_id = out->has_head = false;
    out->id = out->head = 0;
    out->pids_count = 0;
    out->table = out->data = NULL;
    *why = "the command is not a flat JSON object";
    if (!accept(&c, '{'))
        return false;
    if (!accept(&c, '}')) {
        do {
            if (!read_field(&c, out, why))
                return false;
        } while (accept(&c, ','));
        *why = "the command is not a flat JSON object";
        if (!accept(&c, '}'))
            return false;
    }
    skip_space(&c);
    return c.at == c.end && is_complete(out, why);
}
