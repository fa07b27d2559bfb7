/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `agentgov-loader kept`: a JSON line for each agent that is held by pins, whether or not somebody attends to it; pins
 * of a tree that is no more are taken away. `kept --remove AGENT` takes those of one agent away, and says the same of
 * it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <bpf/libbpf.h>
#include "buf.h"
#include "clock.h"
#include "command.h"
#include "json.h"
#include "kept.h"
#include "pidns.h"
#include "subcommands.h"

#define LINE_MAX_BYTES 65536

/* As many of its processes as can be given to `govern`; the lowest first. */
static void put_pids(struct buf *out, const struct kept_runs *runs) {
    size_t count = 0;
    buf_str(out, ",\"pids\":[");
    for (uint32_t pid = kept_next(runs, 1); pid; pid = kept_next(runs, pid + 1)) {
        if (count < COMMAND_PIDS_MAX) {
            if (count > 0)
                buf_char(out, ',');
            buf_u64(out, pid);
        }
        count++;
    }
    buf_char(out, ']');
    json_number(out, "processes", count);
}

static void put_line(const char *agent_id, const struct kept_runs *runs) {
    struct buf out;
    struct clock clock = {0};
    uint64_t at = 0;
    if (!buf_alloc(&out, LINE_MAX_BYTES))
        return;
    for (size_t i = 0; i < runs->count; i++)
        if (runs->runs[i].last.at > at)
            at = runs->runs[i].last.at;
    clock_sync(&clock);
    buf_str(&out, "{\"agent_id\":");
    json_str(&out, agent_id);
    json_number(&out, "attended_us", (clock.offset + at) / 1000);
    put_pids(&out, runs);
    buf_str(&out, "}\n");
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

struct wish {
    const char *remove; /* NULL: list */
    const char *failure;
};

static void see(void *arg, const char *agent_id) {
    struct wish *w = arg;
    struct kept_runs runs;
    struct kept_account account;
    if ((w->remove && strcmp(w->remove, agent_id) != 0) || kept_find(&runs, agent_id, NULL))
        return;
    bool any = kept_next(&runs, 1) != 0;
    if (any || w->remove)
        put_line(agent_id, &runs);
    if (w->remove || !any) {
        kept_end(&runs, &account);
        if (!kept_forget(&runs))
            w->failure = "what is pinned could not be taken away";
    }
    kept_runs_free(&runs);
}

static int silent(enum libbpf_print_level level, const char *format, va_list args) {
    (void)level;
    (void)format;
    (void)args;
    return 0;
}

int kept_main(int argc, char **argv) {
    struct wish wish = {0};
    char why[512];
    if (argc != 1 && !(argc == 3 && strcmp(argv[1], "--remove") == 0)) {
        fprintf(stderr, "usage: agentgov-loader kept [--remove AGENT]\n");
        return EXIT_USAGE;
    }
    if (argc == 3)
        wish.remove = argv[2];
    libbpf_set_print(silent);
    if (!pidns_find(why, sizeof(why))) {
        fprintf(stderr, "%s\n", why);
        return EXIT_UNAVAILABLE;
    }
    kept_agents(see, &wish);
    if (!wish.remove || !wish.failure)
        return 0;
    fprintf(stderr, "%s\n", wish.failure);
    return EXIT_INTERNAL;
}
