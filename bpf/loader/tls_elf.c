/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ELF-64 as in the System V ABI (gabi); the GNU hash table as binutils writes it. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "elf_file.h"
#include "tls_elf.h"

#define DYNAMIC_MAX 512
#define SECTIONS_MAX 4096
#define CHAIN_MAX 4096           /* symbols of one bucket; a table that works has a handful */
#define NAME_MAX_BYTES 64        /* of a name that is looked for */
#define SYMBOLS_MAX (1u << 20)   /* of a symbol table */
#define STRINGS_MAX (128u << 20) /* bytes of its names */
#define BLOCK 256

struct dynamic {
    uint64_t symbols, strings, gnu_hash, hash; /* addresses, 0: none */
};

static void read_dynamic(const struct elf *e, struct dynamic *d) {
    for (unsigned i = 0; i < e->count; i++) {
        if (e->segments[i].p_type != PT_DYNAMIC)
            continue;
        for (unsigned n = 0; n < DYNAMIC_MAX; n++) {
            Elf64_Dyn entry;
            if (!elf_read_file(e, e->segments[i].p_offset + n * sizeof(entry), &entry, sizeof(entry)) ||
                entry.d_tag == DT_NULL)
                return;
            if (entry.d_tag == DT_SYMTAB)
                d->symbols = entry.d_un.d_ptr;
            else if (entry.d_tag == DT_STRTAB)
                d->strings = entry.d_un.d_ptr;
            else if (entry.d_tag == DT_GNU_HASH)
                d->gnu_hash = entry.d_un.d_ptr;
            else if (entry.d_tag == DT_HASH)
                d->hash = entry.d_un.d_ptr;
        }
        return;
    }
}

/* Where the code of a symbol begins in the file; 0 when it is no function that the file itself has. */
static uint64_t code_of(const struct elf *e, const Elf64_Sym *symbol) {
    if (symbol->st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol->st_info) != STT_FUNC)
        return 0;
    return elf_code_offset(e, symbol->st_value);
}

/* The code of symbol `index` of the dynamic table, when it is called `name`. */
static uint64_t dynamic_symbol(const struct elf *e, const struct dynamic *d, uint32_t index, const char *name) {
    Elf64_Sym symbol;
    char text[NAME_MAX_BYTES];
    size_t size = strlen(name) + 1;
    if (!elf_read(e, d->symbols + (uint64_t)index * sizeof(symbol), &symbol, sizeof(symbol)) ||
        !elf_read(e, d->strings + symbol.st_name, text, size) || memcmp(text, name, size) != 0)
        return 0;
    return code_of(e, &symbol);
}

static uint32_t gnu_hash(const char *name) {
    uint32_t h = 5381;
    for (; *name; name++)
        h = h * 33 + (unsigned char)*name;
    return h;
}

static uint64_t by_gnu_hash(const struct elf *e, const struct dynamic *d, const char *name) {
    struct {
        uint32_t buckets, first, bloom, shift;
    } table;
    uint32_t h = gnu_hash(name), index, link;
    if (!elf_read(e, d->gnu_hash, &table, sizeof(table)) || table.buckets == 0)
        return 0;
    uint64_t buckets = d->gnu_hash + sizeof(table) + 8ULL * table.bloom, chains = buckets + 4ULL * table.buckets;
    if (!elf_read(e, buckets + 4ULL * (h % table.buckets), &index, sizeof(index)) || index < table.first)
        return 0;
    for (unsigned i = 0; i < CHAIN_MAX; i++, index++) {
        if (!elf_read(e, chains + 4ULL * (index - table.first), &link, sizeof(link)))
            return 0;
        uint64_t code = (link | 1) == (h | 1) ? dynamic_symbol(e, d, index, name) : 0;
        if (code || link & 1) /* the last of its bucket */
            return code;
    }
    return 0;
}

static uint32_t sysv_hash(const char *name) {
    uint32_t h = 0;
    for (; *name; name++) {
        h = (h << 4) + (unsigned char)*name;
        h ^= (h >> 24) & 0xf0;
    }
    return h & 0x0fffffff;
}

static uint64_t by_hash(const struct elf *e, const struct dynamic *d, const char *name) {
    struct {
        uint32_t buckets, chains;
    } table;
    uint32_t index;
    if (!elf_read(e, d->hash, &table, sizeof(table)) || table.buckets == 0)
        return 0;
    uint64_t buckets = d->hash + sizeof(table), chains = buckets + 4ULL * table.buckets;
    uint64_t at = buckets + 4ULL * (sysv_hash(name) % table.buckets);
    for (unsigned i = 0; i < CHAIN_MAX && elf_read(e, at, &index, sizeof(index)) && index; i++) {
        uint64_t code = dynamic_symbol(e, d, index, name);
        if (code)
            return code;
        at = chains + 4ULL * index;
    }
    return 0;
}

static void from_dynamic(const struct elf *e, const struct dynamic *d, const char *const *names, size_t count,
                         uint64_t *offsets) {
    if (!d->symbols || !d->strings)
        return;
    for (size_t i = 0; i < count; i++)
        offsets[i] = d->gnu_hash ? by_gnu_hash(e, d, names[i]) : d->hash ? by_hash(e, d, names[i]) : 0;
}

/* Names of one table, NUL behind the last; NULL: none, or too many. */
static char *read_strings(const struct elf *e, const Elf64_Shdr *section) {
    if (section->sh_type != SHT_STRTAB || section->sh_size == 0 || section->sh_size > STRINGS_MAX)
        return NULL;
    char *strings = malloc(section->sh_size + 1);
    if (strings && !elf_read_file(e, section->sh_offset, strings, section->sh_size)) {
        free(strings);
        return NULL;
    }
    if (strings)
        strings[section->sh_size] = '\0';
    return strings;
}

static void scan_symbols(const struct elf *e, const Elf64_Shdr *table, const char *strings, uint64_t strings_size,
                         const char *const *names, size_t count, uint64_t *offsets) {
    Elf64_Sym block[BLOCK];
    uint64_t left = table->sh_size / sizeof(block[0]), at = table->sh_offset;
    if (left > SYMBOLS_MAX)
        left = SYMBOLS_MAX;
    while (left > 0) {
        size_t n = left < BLOCK ? left : BLOCK;
        if (!elf_read_file(e, at, block, n * sizeof(block[0])))
            return;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < count && block[i].st_name < strings_size; k++)
                if (!offsets[k] && strcmp(strings + block[i].st_name, names[k]) == 0)
                    offsets[k] = code_of(e, &block[i]);
        left -= n;
        at += n * sizeof(block[0]);
    }
}

static void from_sections(const struct elf *e, const char *const *names, size_t count, uint64_t *offsets) {
    const Elf64_Ehdr *h = &e->head;
    if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shnum > SECTIONS_MAX)
        return;
    for (unsigned i = 0; i < h->e_shnum; i++) {
        Elf64_Shdr table, strings;
        if (!elf_read_file(e, h->e_shoff + i * sizeof(table), &table, sizeof(table)))
            return;
        if (table.sh_type != SHT_SYMTAB || table.sh_link >= h->e_shnum)
            continue;
        if (!elf_read_file(e, h->e_shoff + table.sh_link * sizeof(strings), &strings, sizeof(strings)))
            return;
        char *text = read_strings(e, &strings);
        if (text)
            scan_symbols(e, &table, text, strings.sh_size, names, count, offsets);
        free(text);
        return;
    }
}

bool elf_functions(int fd, const char *const *names, size_t count, uint64_t *offsets) {
    struct elf e;
    struct dynamic dynamic = {0};
    bool found = false;
    memset(offsets, 0, count * sizeof(*offsets));
    if (!elf_open(&e, fd))
        return false;
    read_dynamic(&e, &dynamic);
    from_dynamic(&e, &dynamic, names, count, offsets);
    for (size_t i = 0; i < count; i++)
        found |= offsets[i] != 0;
    /* A program's own table is for programs: a library that is mapped is found by its dynamic symbols. */
    if (!found)
        from_sections(&e, names, count, offsets);
    return true;
}
