/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "connections.h"
#include "iter.h"
#include "loaded.h"
#include "tiers.h"

int connections_adopt(const struct agentgov_bpf *skel) {
    struct iter_rows none = {0}; /* the program writes nothing: its work is done while it runs */
    int err = iter_run(loaded_fd(skel->progs.adopt_connections), &none);
    iter_free(&none);
    return err;
}
