/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "iter.h"
#include "pidns.h"
#include "pidns.skel.h"

#define PROC_PID_INIT_INO 0xEFFFFFFCU /* include/linux/proc_ns.h: the first PID namespace, on every kernel */

struct pidns pidns_own;

/* /proc shows the numbers of the namespace that it was mounted in, which need not be ours. */
static bool proc_is_ours(void) {
    char text[32];
    ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return strtol(text, NULL, 10) == getpid();
}

/* Asks the kernel, by a program that looks at whoever reads from it. 0, or a negative errno. */
static int ask(void) {
    struct iter_rows none = {0};
    struct pidns_bpf *skel = pidns_bpf__open_and_load();
    int err = skel ? iter_run(bpf_program__fd(skel->progs.find_own), &none) : -errno;
    if (!err)
        pidns_own = (struct pidns){.ns = skel->bss->reader_pidns, .level = skel->bss->reader_level};
    iter_free(&none);
    pidns_bpf__destroy(skel);
    return !err && !pidns_own.ns ? -ENOENT : err;
}

bool pidns_find(char *why, size_t size) {
    struct stat own;
    if (!proc_is_ours()) {
        snprintf(why, size,
                 "/proc shows another PID namespace than the one that agentgov runs in; mount it anew here "
                 "(unshare --mount-proc), or run agentgov on the host.");
        return false;
    }
    if (pidns_own.ns || (stat("/proc/self/ns/pid", &own) == 0 && own.st_ino == PROC_PID_INIT_INO))
        return true;
    int err = ask();
    if (err)
        snprintf(why, size,
                 "agentgov runs in a PID namespace of its own, and this kernel does not say which processes are in it "
                 "(%s); run it on the host (docker run --pid=host).",
                 strerror(-err));
    return !err;
}
