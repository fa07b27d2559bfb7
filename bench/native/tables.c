/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The loader without kernel programs, on a machine that refuses those that enforce: the tables of a policy are the
 * kernel's own and of the same kinds and sizes, and the code that fills, empties and swaps them is the loader's.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "loader/agent_maps.h"
#include "loader/command.h"
#include "loader/control.h"
#include "loader/input.h"
#include "loader/out.h"
#include "loader/policy.h"
#include "loader/programs.h"

struct tables {
    struct programs programs;
    struct out out;
    struct input in;
};

/* libbpf makes maps where it loads programs, and there are none here. */
static int make(struct bpf_map *map) {
    int fd = bpf_map_create(bpf_map__type(map), bpf_map__name(map), bpf_map__key_size(map), bpf_map__value_size(map),
                            bpf_map__max_entries(map), NULL);
    return fd < 0 ? -errno : bpf_map__reuse_fd(map, fd);
}

static int open_tables(struct programs *p) {
    p->skel = agentgov_bpf__open();
    if (!p->skel)
        return -errno;
    p->enforces = true;
    p->members.agent = 1;
    int err = agent_maps_plan(&p->own, p->skel->obj);
    policy_size(p->skel, &p->own);
    if (!err)
        err = agent_maps_make(&p->own);
    if (!err)
        err = make(p->skel->maps.policy);
    return err ?: make(p->skel->maps.unmarked);
}

static void take(void *arg, const char *line, size_t len) {
    static struct command c;
    struct tables *t = arg;
    const char *fault;
    char why[256] = "this command is none about a policy";
    size_t entries = 0;
    int err = -EINVAL;
    if (!command_parse(line, len, &c, &fault)) {
        control_error(out_buf(&t->out), NULL, "EINVAL", fault);
        return;
    }
    if (c.name == CMD_POLICY)
        err = policy_put(&t->programs, &c, &entries, why, sizeof(why));
    else if (c.name == CMD_CLEAR)
        err = policy_clear(&t->programs, &entries, why, sizeof(why));
    else if (c.name == CMD_SWAP)
        err = policy_swap(&t->programs, c.head, why, sizeof(why));
    else if (c.name == CMD_QUIT)
        t->in.ended = true;
    if (t->in.ended)
        return;
    if (err)
        control_error(out_buf(&t->out), &c.id, "EIO", why);
    else
        control_policy(out_buf(&t->out), c.id, entries);
}

int main(void) {
    static struct tables t = {.in = {.fd = STDIN_FILENO}};
    int err = open_tables(&t.programs);
    if (err) {
        fprintf(stderr, "tables: %s\n", strerror(-err));
        return 1;
    }
    const char *notes[] = {NULL};
    struct hello hello = {.tier = "lsm", .tier_reason = "no programs", .notes = notes};
    out_init(&t.out, STDOUT_FILENO);
    control_hello(out_buf(&t.out), &hello);
    out_flush(&t.out);
    while (!t.in.ended) {
        struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
        poll(&in, 1, -1);
        input_read(&t.in, take, &t);
        out_flush(&t.out);
    }
    struct stats none = {0};
    control_bye(out_buf(&t.out), &none);
    out_flush(&t.out);
    return 0;
}
