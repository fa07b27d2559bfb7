/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a function stands in an ELF file, by its name. */
#ifndef AGENTGOV_TLS_ELF_H
#define AGENTGOV_TLS_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Puts into offsets[i] where the function names[i] begins in the file, 0 where the file does not define it. False when
 * it is no ELF file of this machine's kind, or a broken one. Symbols that the dynamic linker can find come first, then
 * the symbol table that a static program may have kept.
 */
bool elf_functions(int fd, const char *const *names, size_t count, uint64_t *offsets);

#endif
