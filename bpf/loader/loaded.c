/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <unistd.h>
#include "include/agents.h"
#include "loaded.h"

static struct {
    const struct bpf_program *prog;
    int fd;
} others[AG_SET_PROGRAMS];
static int count;

int loaded_fd(const struct bpf_program *prog) {
    int fd = bpf_program__fd(prog);
    for (int i = 0; i < count && fd < 0; i++)
        if (others[i].prog == prog)
            return others[i].fd;
    return fd < 0 ? -1 : fd;
}

bool loaded_elsewhere(const struct bpf_program *prog, int fd) {
    if (count == AG_SET_PROGRAMS) {
        close(fd);
        return false;
    }
    others[count].prog = prog;
    others[count++].fd = fd;
    return true;
}

void loaded_close(void) {
    while (count > 0)
        close(others[--count].fd);
}
