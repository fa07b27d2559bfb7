/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Of the kernel's own types those that an object's programs speak of. libbpf looks through all that there are, some
 * hundred thousand, anew for each type in the object: that was a third of what loading costs.
 */
#ifndef AGENTGOV_KERNEL_TYPES_H
#define AGENTGOV_KERNEL_TYPES_H

#include <bpf/libbpf.h>

/*
 * A file for bpf_object_open_opts.btf_custom_path: it is read when the object is loaded, and gone when `fd` is closed.
 * Meanwhile all types are kept, for libbpf too (kernel_btf.h).
 */
struct kernel_types {
    struct btf *all;
    int fd;
    char path[32];
};

/* False, with errno, where there are none, or no file can be made; to be closed even so. */
bool kernel_types_open(struct kernel_types *k);
/* Fills it for an object that has been opened. 0, or a negative errno. */
int kernel_types_fill(const struct kernel_types *k, const struct bpf_object *object);
void kernel_types_close(struct kernel_types *k);

#endif
