/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "clock.h"
#include "control.h"
#include "json.h"
#include "names.h"
#include "procfs.h"

static void begin(struct buf *out, const char *msg) {
    buf_str(out, "{\"msg\":\"");
    buf_str(out, msg);
    buf_char(out, '"');
}

static void end(struct buf *out) {
    buf_put(out, "}\n", 2);
}

static void put_text(struct buf *out, const char *key, const char *text) {
    json_key(out, key);
    json_str(out, text);
}

static void put_number(struct buf *out, const char *key, int64_t number) {
    json_key(out, key);
    buf_i64(out, number);
}

static void put_counts(struct buf *out, const char *key, const __u64 *counts) {
    json_key(out, key);
    for (int cls = 0; cls < AG_CLASS_MAX; cls++) {
        buf_str(out, cls == 0 ? "{\"" : ",\"");
        buf_str(out, CLASS_NAMES[cls]);
        buf_str(out, "\":");
        buf_u64(out, counts[cls]);
    }
    buf_char(out, '}');
}

void control_hello(struct buf *out, const struct hello *hello) {
    struct utsname uts;
    char boot_id[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file) {
        if (fgets(boot_id, sizeof(boot_id), file))
            boot_id[strcspn(boot_id, "\n")] = '\0';
        fclose(file);
    }
    begin(out, "hello");
    put_number(out, "protocol", PROTOCOL_VERSION);
    put_text(out, "version", AGENTGOV_VERSION);
    put_text(out, "kernel", uname(&uts) == 0 ? uts.release : "");
    put_text(out, "tier", hello->tier);
    put_text(out, "tier_reason", hello->tier_reason);
    json_key(out, "leaky");
    buf_str(out, hello->leaky ? "true" : "false");
    json_key(out, "btf");
    buf_str(out, "true"); /* without it there is no hello */
    put_text(out, "boot_id", boot_id);
    json_key(out, "notes");
    buf_char(out, '[');
    for (const char *const *note = hello->notes; *note; note++) {
        if (note != hello->notes)
            buf_char(out, ',');
        json_str(out, *note);
    }
    buf_char(out, ']');
    end(out);
}

void control_error(struct buf *out, const int64_t *id, const char *code, const char *text) {
    begin(out, "error");
    if (id)
        put_number(out, "id", *id);
    put_text(out, "code", code);
    put_text(out, "text", text);
    end(out);
}

void control_governing(struct buf *out, int64_t id, const uint32_t *pids, size_t count, size_t processes) {
    begin(out, "governing");
    put_number(out, "id", id);
    json_key(out, "pids");
    buf_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_char(out, ',');
        buf_u64(out, pids[i]);
    }
    buf_char(out, ']');
    put_number(out, "processes", processes);
    end(out);
}

void control_stopped(struct buf *out, int64_t id, size_t killed, size_t left) {
    begin(out, "stopped");
    put_number(out, "id", id);
    put_number(out, "killed", killed);
    put_number(out, "left", left);
    end(out);
}

void control_member(struct buf *out, int64_t id, uint32_t pid, bool member) {
    begin(out, "member");
    put_number(out, "id", id);
    put_number(out, "pid", pid);
    json_key(out, "member");
    buf_str(out, member ? "true" : "false");
    end(out);
}

void control_tables(struct buf *out, int64_t id, uint32_t pid, bool member, size_t tables) {
    begin(out, "tables");
    put_number(out, "id", id);
    put_number(out, "pid", pid);
    json_key(out, "member");
    buf_str(out, member ? "true" : "false");
    put_number(out, "tables", tables);
    end(out);
}

void control_policy(struct buf *out, int64_t id, size_t entries) {
    begin(out, "policy");
    put_number(out, "id", id);
    put_number(out, "entries", entries);
    end(out);
}

void control_keeping(struct buf *out, int64_t id, bool pinned) {
    begin(out, "keeping");
    put_number(out, "id", id);
    json_key(out, "pinned");
    buf_str(out, pinned ? "true" : "false");
    end(out);
}

void control_taken_over(struct buf *out, int64_t id, const struct kept_account *account) {
    struct clock clock = {0};
    clock_sync(&clock);
    begin(out, "taken_over");
    put_number(out, "id", id);
    put_number(out, "runs", account->runs);
    put_number(out, "processes", account->processes);
    put_number(out, "since_us", account->since ? (clock.offset + account->since) / 1000 : 0);
    put_number(out, "engine", account->engine);
    json_key(out, "counted");
    buf_str(out, account->counted ? "true" : "false");
    put_number(out, "verdicts", account->verdicts);
    put_number(out, "others_since", account->others_since);
    end(out);
}

void control_empty(struct buf *out) {
    begin(out, "empty");
    end(out);
}

/*
 * What this process itself has taken. Mapped rings and tables are the kernel's, shown as map_bytes: they must not be
 * counted twice, and VmRSS would.
 */
static long own_kb(void) {
    char text[4096];
    long kb = 0;
    ssize_t n = proc_read(getpid(), "status", text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    const char *at = strstr(text, "\nRssAnon:");
    if (at)
        sscanf(at, "\nRssAnon: %ld", &kb);
    return kb;
}

void control_stats(struct buf *out, int64_t id, const struct stats *stats) {
    begin(out, "stats");
    put_number(out, "id", id);
    put_number(out, "processes", stats->processes);
    put_counts(out, "emitted", stats->emitted);
    put_counts(out, "lost", stats->lost);
    put_number(out, "folds", stats->folds);
    put_number(out, "rss_kb", own_kb());
    put_number(out, "map_bytes", stats->map_bytes);
    end(out);
}

void control_bye(struct buf *out, const struct stats *stats) {
    begin(out, "bye");
    put_counts(out, "emitted", stats->emitted);
    put_counts(out, "lost", stats->lost);
    end(out);
}
