/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All types of the running kernel, five million bytes of them: read and sorted out once for all who want them at the
 * same time. libbpf wants them for each object, and tells each other nothing; the linker leads its calls of
 * btf__load_vmlinux_btf() and btf__free() here (--wrap in the Makefile), and ours.
 */
#ifndef AGENTGOV_KERNEL_BTF_H
#define AGENTGOV_KERNEL_BTF_H

#include <bpf/btf.h>

/* The same object for each caller; NULL with errno. Whoever got it gives it back with btf__free(). */
struct btf *__wrap_btf__load_vmlinux_btf(void);
void __wrap_btf__free(struct btf *btf);

#endif
