/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `agentgov-loader probe`: what this kernel can do, found out by doing it. A child of our own is governed and provokes
 * every program; a program counts as fired when the record that only it can have made has come back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "capabilities.h"
#include "clock.h"
#include "json.h"
#include "machine.h"
#include "programs.h"
#include "provocations.h"
#include "record.h"
#include "subcommands.h"

#define PATIENCE_NS (5 * NS_PER_SEC)
#define TEXT 1024

/* Which record only this program makes; `op`: of AG_OBJECT, which hook. */
static const struct {
    const char *program;
    unsigned kind, op;
} SIGNS[] = {
    {"task_newtask", AG_FORK, 0},
    {"sched_process_exec", AG_EXEC, 0},
    {"sched_process_exit", AG_EXIT, 0},
    {"sys_exit", AG_OPEN, 0}, /* the one that hands on to the five below */
    {"sx_open", AG_OPEN, 0},
    {"sx_path", AG_PATH, 0},
    {"sx_socket", AG_CONNECT, 0},
    {"sx_send", AG_SEND, 0},
    {"sx_misc", AG_PRIV, 0},
    {"signal_generate", AG_SIGNAL, 0},
    {"inet_sock_set_state", AG_CLOSE, 0},
    {"dns_ingress", AG_DNS, 0},
    {"on_path_mknod", AG_OBJECT, AG_OP_MKNOD},
    {"on_path_mkdir", AG_OBJECT, AG_OP_MKDIR},
    {"on_path_unlink", AG_OBJECT, AG_OP_UNLINK},
    {"on_path_rmdir", AG_OBJECT, AG_OP_RMDIR},
    {"on_path_symlink", AG_OBJECT, AG_OP_SYMLINK},
    {"on_path_link", AG_OBJECT, AG_OP_LINK},
    {"on_path_rename", AG_OBJECT, AG_OP_RENAME},
    {"on_path_truncate", AG_OBJECT, AG_OP_TRUNCATE},
    {"on_path_chmod", AG_OBJECT, AG_OP_CHMOD},
    {"on_path_chown", AG_OBJECT, AG_OP_CHOWN},
};
#define SIGNS_COUNT (sizeof(SIGNS) / sizeof(SIGNS[0]))

struct probe {
    struct programs programs;
    bool attached;
    char why[2 * TEXT]; /* why not */
    pid_t child;
    bool over; /* the child's exit has been seen */
    bool fired[SIGNS_COUNT];
};

static int see(void *arg, void *bytes, size_t size) {
    struct probe *p = arg;
    struct record r;
    if (!record_parse(bytes, size, &r))
        return 0;
    for (size_t i = 0; i < SIGNS_COUNT; i++)
        if (r.head.kind == SIGNS[i].kind && (r.head.kind != AG_OBJECT || r.head.arg[0] == SIGNS[i].op))
            p->fired[i] = true;
    if (r.head.kind == AG_EXIT && r.head.pid == (__u32)p->child)
        p->over = true;
    return 0;
}

static void watch(struct probe *p) {
    const struct agentgov_bpf *skel = p->programs.skel;
    struct ring_buffer *rings = ring_buffer__new(agent_maps_fd(&p->programs.own, skel->maps.critical), see, p, NULL);
    uint64_t deadline = clock_now() + PATIENCE_NS;
    if (!rings || ring_buffer__add(rings, agent_maps_fd(&p->programs.own, skel->maps.bulk), see, p)) {
        snprintf(p->why, sizeof(p->why), "the rings could not be mapped: %s", strerror(errno));
        ring_buffer__free(rings);
        return;
    }
    while (!p->over && clock_now() < deadline)
        ring_buffer__poll(rings, 100);
    ring_buffer__poll(rings, 100); /* the end of a connection may come a little after that of the process */
    ring_buffer__free(rings);
}

static void provoke(struct probe *p) {
    char folder[] = "/tmp/agentgov-probe-XXXXXX";
    int go = -1;
    if (!mkdtemp(folder)) {
        snprintf(p->why, sizeof(p->why), "no scratch folder in /tmp: %s", strerror(errno));
        return;
    }
    p->child = provocations_start(folder, &go);
    if (p->child > 0) {
        members_mark(&p->programs.members, p->child);
        members_barrier();
        bool told = write(go, "x", 1) == 1;
        close(go);
        if (told)
            watch(p);
        waitpid(p->child, NULL, 0);
    }
    rmdir(folder);
}

static void try_programs(struct probe *p) {
    struct programs_options options = {.any_tier = true, .ring_bulk = 1 << 20, .ring_critical = 1 << 20, .alone = true};
    p->attached = programs_load(&p->programs, &options, "probe", p->why, sizeof(p->why));
    if (!p->attached)
        return;
    provoke(p);
    programs_unload(&p->programs);
}

static void put_key(struct buf *out, const char *before, const char *key) {
    buf_str(out, before);
    json_str(out, key);
    buf_char(out, ':');
}

static void put_bool(struct buf *out, const char *before, const char *key, bool value) {
    put_key(out, before, key);
    buf_str(out, value ? "true" : "false");
}

static void put_text(struct buf *out, const char *before, const char *key, const char *text) {
    put_key(out, before, key);
    json_str(out, text);
}

static void put_machine(struct buf *out) {
    char text[TEXT];
    machine_kernel(text, sizeof(text));
    put_text(out, "{", "kernel", text);
    put_bool(out, ",", "btf", programs_have_btf());
    machine_lockdown(text, sizeof(text));
    put_text(out, ",", "lockdown", text);
    put_key(out, ",", "caps");
    for (int i = 0; i < CAPABILITIES_COUNT; i++)
        put_bool(out, i ? "," : "{", CAPABILITIES[i].name, capability_held(&CAPABILITIES[i]));
    buf_char(out, '}');
    machine_preempt(text, sizeof(text));
    put_text(out, ",", "preempt", text);
    machine_lsm(text, sizeof(text));
    put_text(out, ",", "lsm", text);
}

static bool is_object_sign(size_t i) {
    return SIGNS[i].kind == AG_OBJECT;
}

/* Names what stayed silent, of the programs that every tier has. Empty: all fired. DNS is a luxury. */
static void silent(const struct probe *p, char *out, size_t size) {
    out[0] = '\0';
    for (size_t i = 0; i < SIGNS_COUNT; i++) {
        size_t used = strlen(out);
        if (!p->fired[i] && !is_object_sign(i) && SIGNS[i].kind != AG_DNS)
            snprintf(out + used, size - used, "%s%s", used ? ", " : "", SIGNS[i].program);
    }
}

static void put_tier(struct buf *out, const char *before, enum tier tier, bool ok, const char *why) {
    put_key(out, before, tier_names[tier]);
    put_bool(out, "{", "ok", ok);
    put_text(out, ",", "why", why);
    buf_char(out, '}');
}

static void put_tiers(struct buf *out, const struct probe *p) {
    char why[3 * TEXT], names[TEXT];
    bool can_load = p->programs.tier_reason[0];
    put_key(out, ",", "tiers");
    for (enum tier tier = TIER_LSM; tier < TIER_OBSERVE; tier++) {
        snprintf(why, sizeof(why), "%s", p->why);
        bool ok = can_load && tier_active(tier, why, sizeof(why));
        put_tier(out, tier == TIER_LSM ? "{" : ",", tier, ok, why);
    }
    silent(p, names, sizeof(names));
    if (!p->attached || p->why[0])
        snprintf(why, sizeof(why), "%s", p->why);
    else if (names[0])
        snprintf(why, sizeof(why), "attached, but silent when provoked: %s", names);
    else
        snprintf(why, sizeof(why), "every program was provoked and seen");
    put_tier(out, ",", TIER_OBSERVE, p->attached && !p->why[0] && !names[0], why);
    buf_char(out, '}');
}

static void put_probes(struct buf *out, const struct probe *p) {
    bool first = true;
    put_key(out, ",", "probes");
    buf_char(out, '[');
    for (size_t i = 0; i < SIGNS_COUNT; i++) {
        if (is_object_sign(i) && p->programs.tier == TIER_OBSERVE)
            continue; /* not part of this tier */
        bool is_dns = SIGNS[i].kind == AG_DNS;
        const char *failed = is_dns && p->programs.dns_errno ? strerror(p->programs.dns_errno) : p->why;
        bool attached = p->attached && !(is_dns && p->programs.dns_errno);
        put_text(out, first ? "{" : ",{", "name", SIGNS[i].program);
        put_bool(out, ",", "attached", attached);
        put_bool(out, ",", "fired", p->fired[i]);
        put_text(out, ",", "why",
                 p->fired[i] ? "provoked and seen"
                 : attached  ? "provoked, and nothing came of it"
                             : failed);
        buf_char(out, '}');
        first = false;
    }
    buf_str(out, "]}\n");
}

int probe_main(int argc, char **argv) {
    struct buf out;
    struct probe *p = calloc(1, sizeof(*p));
    if (argc > 2 || (argc == 2 && strcmp(argv[1], "--json") != 0)) {
        fprintf(stderr, "usage: agentgov-loader probe [--json]\n");
        return EXIT_USAGE;
    }
    if (!p || !buf_alloc(&out, 64 << 10)) {
        fprintf(stderr, "There is not enough memory.\n");
        return EXIT_INTERNAL;
    }
    try_programs(p);
    put_machine(&out);
    put_tiers(&out, p);
    put_probes(&out, p);
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    free(p);
    return fflush(stdout) ? EXIT_INTERNAL : 0;
}
