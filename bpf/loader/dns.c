/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hangs the DNS programs at the root of the cgroup v2 hierarchy, mounted or not. */
#include <errno.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "links.h"
#include "loaded.h"
#include "mounts.h"
#include "tiers.h"

int dns_attach(struct agentgov_bpf *skel) {
    int root = mount_private("cgroup2"); /* the root of the hierarchy that this cgroup namespace shows */
    if (root < 0)
        return root;
    struct bpf_program *programs[] = {
        skel->progs.dns_release,  skel->progs.dns_ingress,  skel->progs.dns_connect4,
        skel->progs.dns_connect6, skel->progs.dns_sendmsg4, skel->progs.dns_sendmsg6,
    };
    int err = 0, before = links_count();
    for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]) && !err; i++) {
        int link = bpf_link_create(loaded_fd(programs[i]), root, bpf_program__expected_attach_type(programs[i]), NULL);
        err = link < 0 ? -errno : links_add(link);
    }
    close(root);
    if (err)
        links_drop(before);
    return err;
}
