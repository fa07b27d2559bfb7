/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ELF-64 as in the System V ABI (gabi). */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "elf_file.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#endif

#define BLOCK (1u << 20)

bool elf_read_file(const struct elf *e, uint64_t offset, void *out, size_t size) {
    return offset <= INT64_MAX && pread(e->fd, out, size, (off_t)offset) == (ssize_t)size;
}

/* The segment that has all of [address, address + size) in the file; NULL: none. */
static const Elf64_Phdr *segment_at(const struct elf *e, uint64_t address, uint64_t size) {
    for (unsigned i = 0; i < e->count; i++) {
        const Elf64_Phdr *s = &e->segments[i];
        if (s->p_type == PT_LOAD && address >= s->p_vaddr && address - s->p_vaddr < s->p_filesz &&
            size <= s->p_filesz - (address - s->p_vaddr))
            return s;
    }
    return NULL;
}

bool elf_read(const struct elf *e, uint64_t address, void *out, size_t size) {
    const Elf64_Phdr *s = segment_at(e, address, size);
    return s && elf_read_file(e, s->p_offset + (address - s->p_vaddr), out, size);
}

bool elf_read_before(const struct elf *e, uint64_t address, void *out, size_t *size) {
    const Elf64_Phdr *s = segment_at(e, address - 1, 1);
    if (s && address - s->p_vaddr < *size)
        *size = address - s->p_vaddr;
    return s && elf_read(e, address - *size, out, *size);
}

bool elf_read_from(const struct elf *e, uint64_t address, void *out, size_t *size) {
    const Elf64_Phdr *s = segment_at(e, address, 1);
    if (s && s->p_filesz - (address - s->p_vaddr) < *size)
        *size = s->p_filesz - (address - s->p_vaddr);
    return s && elf_read(e, address, out, *size);
}

uint64_t elf_code_offset(const struct elf *e, uint64_t address) {
    const Elf64_Phdr *s = segment_at(e, address, 1);
    if (!s || !(s->p_flags & PF_X))
        return 0;
    uint64_t offset = s->p_offset + (address - s->p_vaddr);
    return offset < e->size ? offset : 0;
}

bool elf_open(struct elf *e, int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    *e = (struct elf){.fd = fd, .size = st.st_size};
    Elf64_Ehdr *h = &e->head;
    if (!elf_read_file(e, 0, h, sizeof(*h)) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
        h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != MACHINE ||
        (h->e_type != ET_EXEC && h->e_type != ET_DYN) || h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 ||
        h->e_phnum > ELF_SEGMENTS_MAX)
        return false;
    e->count = h->e_phnum;
    return elf_read_file(e, h->e_phoff, e->segments, e->count * sizeof(e->segments[0]));
}

static bool scan_segment(const struct elf *e, const Elf64_Phdr *s, uint8_t *bytes,
                         bool (*see)(void *arg, const struct elf_block *block), void *arg) {
    for (uint64_t at = 0; at < s->p_filesz; at += BLOCK) {
        uint64_t left = s->p_filesz - at;
        struct elf_block block = {
            .address = s->p_vaddr + at,
            .bytes = bytes,
            .size = left < BLOCK + ELF_SCAN_MORE ? left : BLOCK + ELF_SCAN_MORE,
            .starts = left < BLOCK ? left : BLOCK,
        };
        if (!elf_read_file(e, s->p_offset + at, bytes, block.size) || !see(arg, &block))
            return false;
    }
    return true;
}

bool elf_scan(const struct elf *e, uint32_t rights, bool (*see)(void *arg, const struct elf_block *block), void *arg) {
    uint64_t left = ELF_SCAN_MAX;
    uint8_t *bytes = malloc(BLOCK + ELF_SCAN_MORE);
    bool good = bytes != NULL;
    for (unsigned i = 0; good && i < e->count; i++) {
        const Elf64_Phdr *s = &e->segments[i];
        if (s->p_type != PT_LOAD || (s->p_flags & (PF_W | PF_X)) != rights)
            continue;
        good = s->p_filesz <= left && scan_segment(e, s, bytes, see, arg);
        left -= s->p_filesz;
    }
    free(bytes);
    return good;
}
