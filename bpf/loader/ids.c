/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <bpf/bpf.h>
#include "ids.h"

__u32 id_of_map(int fd) {
    struct bpf_map_info info = {};
    __u32 len = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

__u32 id_of_program(int fd) {
    struct bpf_prog_info info = {};
    __u32 len = sizeof(info);
    return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

__u32 id_of_link(int fd, __u32 *program) {
    struct bpf_link_info info = {};
    __u32 len = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &len))
        return 0;
    *program = info.prog_id;
    return info.id;
}
