/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An ELF file of this machine's kind, as its program headers say it is mapped. It belongs to whom is governed: every
 * number in it may be a lie, and it may shrink while it is read. So nothing is read but by pread(2) into memory of our
 * own, and every walk has an end.
 */
#ifndef AGENTGOV_ELF_FILE_H
#define AGENTGOV_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX 128

struct elf {
    int fd;
    uint64_t size;
    Elf64_Ehdr head;
    Elf64_Phdr segments[ELF_SEGMENTS_MAX];
    unsigned count;
};

/* False when it is no ELF file of this machine's kind, or a broken one. `fd` stays the caller's. */
bool elf_open(struct elf *e, int fd);

/* All of `size` bytes or false: by where they stand in the file, and by the address that they are mapped at. */
bool elf_read_file(const struct elf *e, uint64_t offset, void *out, size_t size);
bool elf_read(const struct elf *e, uint64_t address, void *out, size_t size);

/*
 * The same, of up to `*size` bytes before or from `address` on, as many as its segment has: *size says how many. False
 * when there are none.
 */
bool elf_read_before(const struct elf *e, uint64_t address, void *out, size_t *size);
bool elf_read_from(const struct elf *e, uint64_t address, void *out, size_t *size);

/* Is `address` in a segment that is mapped to be executed? Where it stands in the file; 0: it is not. */
uint64_t elf_code_offset(const struct elf *e, uint64_t address);

/*
 * Gives all of the file that is mapped with these rights beside that to be read (PF_X code, PF_W data, 0 constants) to
 * `see`, block by block. What is looked for begins in the first `starts` bytes of a block, which go on for
 * ELF_SCAN_MORE more as far as there are any; `see` ends the scan with false. A file that has more than ELF_SCAN_MAX of
 * it is not looked through.
 */
#define ELF_SCAN_MORE 256
#define ELF_SCAN_MAX (512ULL << 20)

struct elf_block {
    uint64_t address;
    const uint8_t *bytes;
    size_t size, starts;
};

/* False when it could not all be read, or `see` ended it. */
bool elf_scan(const struct elf *e, uint32_t rights, bool (*see)(void *arg, const struct elf_block *block), void *arg);

#endif
