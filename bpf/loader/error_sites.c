/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <string.h>
#include "error_sites.h"
#include "x86_code.h"

#define ERR_LIB_SSL 16 /* include/openssl/err.h */
#define REACH 4096     /* bytes from the beginning of a function to where it reports an error */

struct search {
    const struct elf *elf;
    struct source *sources;
    size_t sources_count;
};

/* The compiler keeps one text for each path. Its beginning is what code refers to. */
static bool see_path(void *arg, const struct elf_block *block) {
    struct search *s = arg;
    for (size_t i = 0; i < s->sources_count; i++) {
        struct source *source = &s->sources[i];
        size_t size = strlen(source->name) + 1;
        const uint8_t *from = block->bytes, *end = block->bytes + block->size, *at;
        while ((at = memmem(from, end - from, source->name, size)) && at < block->bytes + block->starts) {
            char before[ELF_SCAN_MORE];
            uint64_t address = block->address + (at - block->bytes);
            size_t n = 0, size_before = sizeof(before);
            if (elf_read_before(s->elf, address, before, &size_before))
                while (n < size_before && before[size_before - 1 - n])
                    n++;
            if (source->found)
                return false;
            source->found = true;
            source->path = address - n;
            from = at + 1;
        }
    }
    return true;
}

/* Where the function that `address` is in begins; 0: not within reach. */
static uint64_t function_at(const struct elf *e, uint64_t address) {
    uint8_t code[REACH];
    size_t size = sizeof(code);
    if (!elf_read_before(e, address, code, &size))
        return 0;
    for (size_t at = size; at-- > 1;)
        if ((address - size + at) % X86_FUNCTION_ALIGN == 0 && x86_begins(code + at, size - at, code[at - 1]))
            return address - size + at;
    return 0;
}

/*
 * The arguments are ERR_put_error(library, 0, reason, file, line), or without the second where the linker has seen that
 * nobody uses it. The compiler passes the file's name first.
 */
static void note_site(struct search *s, struct source *source, uint64_t address, const uint8_t *after, size_t size) {
    int64_t arguments[3];
    x86_arguments(after, size, arguments);
    if (arguments[0] != ERR_LIB_SSL)
        return;
    if (source->count == SITES_MAX) {
        source->over = true;
        return;
    }
    source->sites[source->count++] = (struct site){
        .function = function_at(s->elf, address),
        .reason = arguments[2] >= 0 ? arguments[2] : arguments[1],
    };
}

static bool see_site(void *arg, const struct elf_block *block) {
    struct search *s = arg;
    for (size_t i = 0; i < s->sources_count; i++) {
        size_t end = 0, size = block->starts + X86_PUTS_MAX < block->size ? block->starts + X86_PUTS_MAX : block->size;
        while ((end = x86_puts(block->bytes, size, block->address, s->sources[i].path, end)))
            note_site(s, &s->sources[i], block->address + end, block->bytes + end, block->size - end);
        if (s->sources[i].over)
            return false;
    }
    return true;
}

bool error_sites_has(const struct source *source, uint64_t function, int64_t reason) {
    for (size_t i = 0; i < source->count; i++)
        if (source->sites[i].function == function && source->sites[i].reason == reason)
            return true;
    return false;
}

bool error_sites_find(const struct elf *e, struct source *sources, size_t count) {
    struct search s = {.elf = e, .sources = sources, .sources_count = count};
    if (!elf_scan(e, 0, see_path, &s))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!sources[i].found)
            return false;
    return elf_scan(e, PF_X, see_site, &s);
}
