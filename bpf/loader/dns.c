/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hangs the DNS programs at the root of the cgroup v2 hierarchy, mounted or not. */
#include <errno.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "mounts.h"
#include "tiers.h"

static struct bpf_link *links[8];
static int links_count;

int dns_attach(struct agentgov_bpf *skel) {
    int root = mount_private("cgroup2"); /* the root of the hierarchy that this cgroup namespace shows */
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
