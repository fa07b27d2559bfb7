/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds out which tier is active, by provoking it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "child.h"
#include "pidns.h"
#include "provoke.skel.h"
#include "tiers.h"

const char *const tier_names[TIER_COUNT] = {"lsm", "hook", "observe"};

/* Opens "/", and says how that ended by its exit code: 0 opened, 1 EPERM, CHILD_UNTOLD anything else. */
static int open_root(const void *arg) {
    (void)arg;
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? 0 : errno == EPERM ? 1 : CHILD_UNTOLD;
}

static bool denied(struct provoke_bpf *skel, char *why, size_t size) {
    int go = -1, status = 0;
    pid_t pid = child_start(open_root, NULL, &go);
    if (pid < 0) {
        snprintf(why, size, "no child could be started: %s", strerror(errno));
        return false;
    }
    skel->bss->victim = pid;
    bool told = write(go, "x", 1) == 1;
    close(go);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    skel->bss->victim = 0;
    if (told && WIFEXITED(status) && WEXITSTATUS(status) == 1 && skel->bss->runs > 0) {
        snprintf(why, size, "a provoked open was denied");
        return true;
    }
    snprintf(why, size,
             skel->bss->runs ? "the program ran and its verdict was ignored"
                             : "the program was attached and never ran");
    return false;
}

/*
 * Does this machine forbid such programs altogether, as some sandboxes do? Then it says so to the smallest one, before
 * it looks for the hook; and nobody has to read megabytes of kernel types to find that out.
 */
static bool forbidden(enum tier tier) {
    const struct bpf_insn nothing[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, opts, .attach_btf_id = 1,
                .expected_attach_type = tier == TIER_LSM ? BPF_LSM_MAC : BPF_MODIFY_RETURN);
    int fd = bpf_prog_load(tier == TIER_LSM ? BPF_PROG_TYPE_LSM : BPF_PROG_TYPE_TRACING, "nothing", "GPL", nothing,
                           sizeof(nothing) / sizeof(nothing[0]), &opts);
    if (fd >= 0)
        close(fd);
    return fd == -EPERM;
}

static bool trampoline_active(enum tier tier, char *why, size_t size) {
    if (forbidden(tier)) {
        snprintf(why, size, "the program could not be loaded: %s", strerror(EPERM));
        return false;
    }
    struct provoke_bpf *skel = provoke_bpf__open();
    if (!skel) {
        snprintf(why, size, "the probe object could not be opened: %s", strerror(errno));
        return false;
    }
    int err = 0;
    pidns_tell(skel);
    if (tier == TIER_HOOK) {
        bpf_program__set_type(skel->progs.deny, BPF_PROG_TYPE_TRACING);
        bpf_program__set_expected_attach_type(skel->progs.deny, BPF_MODIFY_RETURN);
        err = bpf_program__set_attach_target(skel->progs.deny, 0, "security_file_open");
    }
    const char *what = "find its hook";
    if (!err) {
        what = "be loaded";
        err = provoke_bpf__load(skel);
    }
    struct bpf_link *link = NULL;
    if (!err) {
        what = "be attached";
        link = bpf_program__attach(skel->progs.deny);
        err = link ? 0 : -errno;
    }
    bool active = false;
    if (err)
        snprintf(why, size, "the program could not %s: %s", what, strerror(-err));
    else
        active = denied(skel, why, size);
    bpf_link__destroy(link);
    provoke_bpf__destroy(skel);
    return active;
}

bool tier_active(enum tier tier, char *why, size_t size) {
    if (tier == TIER_OBSERVE) {
        snprintf(why, size, "tracepoints only: it sees, and denies nothing");
        return true;
    }
    return trampoline_active(tier, why, size);
}

enum tier tier_choose(enum tier from, char *why, size_t size) {
    size_t used = 0;
    why[0] = 0;
    for (enum tier tier = from; tier < TIER_OBSERVE; tier++) {
        char reason[256];
        bool active = tier_active(tier, reason, sizeof(reason));
        int n = snprintf(why + used, size - used, "%s%s: %s", used ? "; " : "", tier_names[tier], reason);
        if (n > 0 && (size_t)n < size - used)
            used += n;
        if (active)
            return tier;
    }
    snprintf(why + used, size - used, "%sobserve: tracepoints only, it sees and denies nothing", used ? "; " : "");
    return TIER_OBSERVE;
}
