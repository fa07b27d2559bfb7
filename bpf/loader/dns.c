/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hangs the DNS programs at the root of the cgroup v2 hierarchy, mounted or not. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <bpf/libbpf.h>
#include "tiers.h"

static struct bpf_link *links[8];
static int links_count;

/*
 * A mount of our own that hangs nowhere: it needs no mount point, no /proc/mounts, and no cleaning up. Always the root
 * of the hierarchy that this cgroup namespace shows.
 */
static int cgroup_root(void) {
    int fs = fsopen("cgroup2", FSOPEN_CLOEXEC);
    if (fs < 0)
        return -errno;
    int fd = -1;
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    int err = fd < 0 ? -errno : fd;
    close(fs);
    return err;
}

int dns_attach(struct agentgov_bpf *skel) {
    int root = cgroup_root();
    if (root < 0)
        return root;
    struct bpf_program *programs[] = {
        skel->progs.dns_release,  skel->progs.dns_ingress,  skel->progs.dns_connect4,
        skel->progs.dns_connect6, skel->progs.dns_sendmsg4, skel->progs.dns_sendmsg6,
    };
    int err = 0;
    for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]) && !err; i++) {
        struct bpf_link *link = bpf_program__attach_cgroup(programs[i], root);
        if (link)
            links[links_count++] = link;
        else
            err = -errno;
    }
    close(root);
    if (err)
        dns_detach();
    return err;
}

void dns_detach(void) {
    while (links_count > 0)
        bpf_link__destroy(links[--links_count]);
}
