/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `agentgov-loader run`: loads, greets, and then turns between stdin, the rings and stdout until stdin ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "clock.h"
#include "control.h"
#include "input.h"
#include "machine.h"
#include "pidns.h"
#include "session.h"
#include "subcommands.h"

#define GIVE_UP_NS (10 * NS_PER_SEC)        /* a reader that takes nothing for so long at the end has gone */
#define INPUT_LIMIT (OUT_LIMIT + (4 << 20)) /* with so much unread, no further command is answered */

#define PRIORITY (-10)

static volatile sig_atomic_t told_to_end;

static void on_term(int signal) {
    (void)signal;
    told_to_end = 1;
}

/* The terminal's signals are for agentgov, which ends the loader in order. */
static void set_signals(void) {
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    struct sigaction term = {.sa_handler = on_term};
    sigaction(SIGTERM, &term, NULL);
    /* Whoever watches must not be starved by whom it watches: the rings would run over. */
    (void)!setpriority(PRIO_PROCESS, 0, PRIORITY);
    (void)!setsid(); /* fails when we lead a group already, as under Node's `detached` */
}

/*
 * Our memory holds what the tree sent, and so does that of who reads our lines. The kernel writes nothing of a process
 * that says it is not dumpable. Node cannot say so; a limit of one byte is the one that also keeps cores from a pipe
 * (do_coredump() in fs/coredump.c), and leaves to src/engine/crash.ts what goes to a socket.
 */
static void leave_no_core(void) {
    prctl(PR_SET_DUMPABLE, 0);
    struct rlimit limit;
    if (prlimit(getppid(), RLIMIT_CORE, NULL, &limit) || limit.rlim_cur <= 1)
        return;
    limit.rlim_cur = 1;
    (void)!prlimit(getppid(), RLIMIT_CORE, &limit, NULL);
}

static bool parse_size(const char *text, size_t *out) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || n == 0 || n > 1 << 30)
        return false;
    *out = n;
    return true;
}

static bool parse_tier(const char *text, struct programs_options *options) {
    if (strcmp(text, "auto") == 0)
        return options->any_tier = true;
    for (int tier = 0; tier < TIER_COUNT; tier++)
        if (strcmp(text, tier_names[tier]) == 0) {
            options->any_tier = false;
            options->tier = tier;
            return true;
        }
    return false;
}

static bool parse_options(int argc, char **argv, struct programs_options *options, const char **agent_id) {
    static const struct option OPTIONS[] = {
        {"agent-id", required_argument, NULL, 'a'},  {"tier", required_argument, NULL, 't'},
        {"ring-bulk", required_argument, NULL, 'b'}, {"ring-critical", required_argument, NULL, 'c'},
        {"ring-tls", required_argument, NULL, 'r'},  {"capture-tls", no_argument, NULL, 's'},
        {"enforce", no_argument, NULL, 'e'},         {NULL, 0, NULL, 0},
    };
    *options = (struct programs_options){.any_tier = true};
    *agent_id = NULL;
    for (int opt; (opt = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        bool good = opt == 'a'   ? (*agent_id = optarg) != NULL
                    : opt == 't' ? parse_tier(optarg, options)
                    : opt == 'b' ? parse_size(optarg, &options->ring_bulk)
                    : opt == 'c' ? parse_size(optarg, &options->ring_critical)
                    : opt == 'r' ? parse_size(optarg, &options->ring_tls)
                    : opt == 's' ? (options->tls = true)
                    : opt == 'e' ? (options->enforce = true)
                                 : false;
        if (!good)
            return false;
    }
    return *agent_id && **agent_id && strlen(*agent_id) < 4096 && optind == argc;
}

static void greet(struct session *s) {
    const char *notes[8];
    char dns[128];
    int n = 0;
    if (s->programs.tier == TIER_OBSERVE) {
        notes[n++] = "io_uring work is invisible in this tier: only the making of a ring is seen.";
        notes[n++] = "Names of failed opens and of files that are made, removed, renamed or linked are the asked ones "
                     "(path_resolved: false).";
    }
    if (pidns_own.ns)
        notes[n++] =
            "agentgov runs in a PID namespace of its own: every pid is the one in it, and processes outside it "
            "have none.";
    if (s->programs.dns_errno) {
        snprintf(dns, sizeof(dns), "DNS answers are not seen: %s.", strerror(s->programs.dns_errno));
        notes[n++] = dns;
    }
    notes[n] = NULL;
    struct hello hello = {
        .tier = tier_names[s->programs.tier],
        .tier_reason = s->programs.tier_reason,
        .leaky = s->programs.tier == TIER_HOOK && machine_preempts_trampolines(),
        .notes = notes,
    };
    control_hello(out_buf(&s->out), &hello);
}

static void take_line(void *arg, const char *line, size_t len) {
    session_command(arg, line, len);
}

static int timeout_ms(const struct session *s) {
    uint64_t next = session_next(s), now = clock_now();
    if (next == UINT64_MAX)
        return -1;
    return next <= now ? 0 : (int)((next - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void loop(struct session *s) {
    struct input in = {.fd = STDIN_FILENO};
    while (!s->quit && !s->leave && !in.ended && !s->out.closed && !told_to_end) {
        bool rings = session_wants_rings(s);
        struct pollfd fds[] = {
            {.fd = out_waiting(&s->out) < INPUT_LIMIT ? in.fd : -1, .events = POLLIN},
            {.fd = s->out.fd, .events = out_waiting(&s->out) ? POLLOUT : 0},
            {.fd = rings ? rings_critical_fd(&s->rings) : -1, .events = POLLIN},
            {.fd = rings ? rings_bulk_fd(&s->rings) : -1, .events = POLLIN},
            {.fd = rings && s->tls.ring ? ring_buffer__epoll_fd(s->tls.ring) : -1, .events = POLLIN},
        };
        if (poll(fds, 5, timeout_ms(s)) > 0) {
            if (fds[0].revents)
                input_read(&in, take_line, s);
            if (fds[1].revents & (POLLERR | POLLNVAL))
                s->out.closed = true;
        }
        session_turn(s);
    }
}

static int fail(struct out *out, const char *why, bool internal) {
    control_error(out_buf(out), NULL, internal ? "EIO" : "EPERM", why);
    out_flush(out);
    fprintf(stderr, "%s\n", why);
    return internal ? EXIT_INTERNAL : EXIT_UNAVAILABLE;
}

int run_main(int argc, char **argv) {
    struct programs_options options;
    const char *agent_id;
    if (!parse_options(argc, argv, &options, &agent_id)) {
        fprintf(stderr, "usage: agentgov-loader run --agent-id ID [--tier auto|lsm|hook|observe] "
                        "[--ring-bulk BYTES] [--ring-critical BYTES] [--capture-tls [--ring-tls BYTES]] [--enforce]\n");
        return EXIT_USAGE;
    }
    set_signals();
    leave_no_core();
    struct session *s = calloc(1, sizeof(*s));
    if (!s || !out_init(&s->out, STDOUT_FILENO)) {
        fprintf(stderr, "There is not enough memory.\n");
        return EXIT_INTERNAL;
    }
    char why[2048];
    bool internal;
    int status = 0;
    if (session_open(s, agent_id, &options, why, sizeof(why), &internal)) {
        greet(s);
        loop(s);
        s->leave = s->kept.path[0] && !s->quit;
        session_finish(s, GIVE_UP_NS);
        status = out_waiting(&s->out) || s->out.closed ? EXIT_INTERNAL : 0; /* somebody did not hear all */
    } else {
        status = fail(&s->out, why, internal);
    }
    session_close(s);
    out_free(&s->out);
    free(s);
    return status;
}
