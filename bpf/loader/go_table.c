/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "go_table.h"

/* src/internal/abi/symtab.go, followed by two zeros, the least size of an instruction, and that of a pointer. */
#define MAGIC_1_2 0xfffffffbu
#define MAGIC_1_16 0xfffffffau
#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u

#define TABLES_MAX 8
#define FUNCTIONS_MAX (1u << 24)
#define SIZE_MAX_BYTES (1ULL << 30) /* of the whole table */
#define POINTERS_MAX 16             /* to the table, that are looked at */
#define WINDOW (64u << 10)
#define NAME_MAX_BYTES 60
#define DEPTHS_MAX 8192 /* changes of the stack's depth within one function */
#define FUNCTIONS_LOOKED_UP 8
#define ENTRY 8  /* bytes of one function in the list: its place, and where more stands */
#define ABOUT 20 /* of that, which are read */

#if defined(__x86_64__)
#define QUANTUM 1
static const uint8_t RETURN[] = {0xc3};
#elif defined(__aarch64__)
#define QUANTUM 4
static const uint8_t RETURN[] = {0xc0, 0x03, 0x5f, 0xd6};
#endif

struct header {
    uint32_t magic;
    uint8_t zeros[2], quantum, pointer;
    uint64_t functions, files;
    uint64_t text; /* empty from 1.26 on; what the runtime's own description says is always there */
    uint64_t names, units, file_names, depths, lines;
};

/* Part of what the runtime knows of its program (runtime.moduledata): behind a pointer to the header and six slices. */
struct module {
    uint64_t header, slices[6][3], find;
    uint64_t first, last, text, text_end;
};

/* A part of the file that is read in steps, forward. */
struct window {
    const struct elf *elf;
    uint64_t at;
    size_t size;
    uint8_t bytes[WINDOW];
};

/* `size` bytes at `address`, or NULL. Good until the next call. */
static const uint8_t *peek(struct window *w, uint64_t address, size_t size) {
    if (address < w->at || address - w->at > w->size || size > w->size - (address - w->at)) {
        w->at = address;
        w->size = sizeof(w->bytes);
        if (!elf_read_from(w->elf, address, w->bytes, &w->size))
            w->size = 0;
        if (size > w->size)
            return NULL;
    }
    return w->bytes + (address - w->at);
}

static bool peek_u32(struct window *w, uint64_t address, uint32_t *out) {
    const uint8_t *bytes = peek(w, address, sizeof(*out));
    if (bytes)
        memcpy(out, bytes, sizeof(*out));
    return bytes != NULL;
}

/* Words of eight bytes at their natural places. */
struct search {
    const uint64_t *words;
    size_t count;
    uint64_t found[POINTERS_MAX]; /* where */
    size_t seen;
};

static bool see_words(void *arg, const struct elf_block *block) {
    struct search *s = arg;
    for (size_t at = -block->address % sizeof(uint64_t); at + sizeof(uint64_t) <= block->size && at < block->starts;
         at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, block->bytes + at, sizeof(word));
        for (size_t i = 0; i < s->count; i++) {
            if (word != s->words[i])
                continue;
            if (s->seen == POINTERS_MAX)
                return false;
            s->found[s->seen++] = block->address + at;
        }
    }
    return true;
}

static uint64_t first_word(uint32_t magic) {
    struct {
        uint32_t magic;
        uint8_t rest[4];
    } first = {.magic = magic, .rest = {0, 0, QUANTUM, sizeof(uint64_t)}};
    uint64_t word;
    memcpy(&word, &first, sizeof(word));
    return word;
}

static bool is_new(uint32_t magic) {
    return magic == MAGIC_1_18 || magic == MAGIC_1_20;
}

static bool is_sound(const struct header *h) {
    return h->functions > 0 && h->functions < FUNCTIONS_MAX && h->names < h->units && h->units <= h->file_names &&
           h->file_names <= h->depths && h->depths < h->lines && h->lines < SIZE_MAX_BYTES;
}

/* The runtime's description of the program has the only place of its code that all versions write. */
static bool read_module(struct go_table *t, uint64_t address) {
    struct module m;
    uint32_t first, last;
    if (!elf_read(t->elf, address, &m, sizeof(m)) || !elf_read(t->elf, t->functions, &first, sizeof(first)) ||
        !elf_read(t->elf, t->functions + ENTRY * t->count, &last, sizeof(last)))
        return false;
    t->text = m.text;
    return m.text && m.first == m.text + first && m.last == m.text + last && m.last <= m.text_end;
}

/* False when there is no description of the table, or another. */
static bool find_text(struct go_table *t) {
    struct search s = {.words = &t->header, .count = 1};
    if (!elf_scan(t->elf, PF_W, see_words, &s))
        return false;
    uint64_t text = 0;
    for (size_t i = 0; i < s.seen; i++) {
        if (!read_module(t, s.found[i]))
            continue;
        if (text)
            return false;
        text = t->text;
    }
    t->text = text;
    return text != 0;
}

enum go_found go_table_find(const struct elf *e, struct go_table *out) {
    static const uint32_t MAGICS[] = {MAGIC_1_20, MAGIC_1_18, MAGIC_1_16, MAGIC_1_2};
    static const uint32_t RIGHTS[] = {0, PF_W,
                                      PF_X}; /* with relocations it was data, and some linkers divide nothing */
    uint64_t words[4];
    struct search s = {.words = words, .count = 4};
    enum go_found found = GO_NONE;
    for (int i = 0; i < 4; i++)
        words[i] = first_word(MAGICS[i]);
    for (int i = 0; i < 3; i++)
        if (!elf_scan(e, RIGHTS[i], see_words, &s))
            return GO_NONE;
    for (size_t i = 0; i < s.seen; i++) {
        struct header h;
        if (!elf_read(e, s.found[i], &h, sizeof(h)) || h.functions == 0 || h.functions > FUNCTIONS_MAX)
            continue;
        if (!is_new(h.magic)) {
            found = found == GO_NONE ? GO_OLD : found;
            continue;
        }
        if (!is_sound(&h))
            continue;
        if (found == GO_FOUND || found == GO_UNSURE)
            return GO_UNSURE;
        *out = (struct go_table){
            .elf = e,
            .header = s.found[i],
            .names = s.found[i] + h.names,
            .names_end = s.found[i] + h.units,
            .depths = s.found[i] + h.depths,
            .depths_end = s.found[i] + h.lines,
            .functions = s.found[i] + h.lines,
            .count = h.functions,
        };
        found = find_text(out) ? GO_FOUND : GO_UNSURE;
    }
    return found;
}

/* Where in the names `name` stands; 0: nowhere. At the beginning of all is none that is looked for. */
static uint64_t find_name(const struct go_table *t, struct window *w, const char *name) {
    char whole[NAME_MAX_BYTES + 2] = ""; /* between two zeros */
    size_t size = strlen(name) + 2;
    if (size > sizeof(whole))
        return 0;
    strcpy(whole + 1, name);
    for (uint64_t at = t->names; at + size <= t->names_end;) {
        uint64_t left = t->names_end - at;
        size_t n = left < sizeof(w->bytes) ? left : sizeof(w->bytes);
        const uint8_t *bytes = peek(w, at, n);
        if (!bytes)
            return 0;
        const uint8_t *there = memmem(bytes, n, whole, size);
        if (there)
            return at + (there - bytes) + 1 - t->names;
        at += n == left ? n : n - size + 1;
    }
    return 0;
}

/* The beginning of what the runtime knows of a function. */
struct about {
    uint32_t begin, name, arguments, deferred, depths;
};

/* Entry `i` of the list of functions: its place, and where what is known of it stands. */
static bool read_entry(const struct go_table *t, struct window *w, uint64_t i, uint32_t *begin, uint32_t *about) {
    return peek_u32(w, t->functions + ENTRY * i, begin) && peek_u32(w, t->functions + ENTRY * i + 4, about);
}

static bool note(const struct go_table *t, struct window *w, uint64_t i, const struct about *about,
                 struct go_function *f) {
    uint32_t end;
    if (f->end || !peek_u32(w, t->functions + ENTRY * (i + 1), &end) || end <= about->begin)
        return false;
    f->begin = t->text + about->begin;
    f->end = t->text + end;
    f->depths = about->depths;
    return true;
}

static bool look_up(const struct go_table *t, struct window *list, struct window *abouts, struct go_function *functions,
                    size_t count) {
    uint64_t names[FUNCTIONS_LOOKED_UP];
    for (size_t k = 0; k < count; k++) {
        functions[k] = (struct go_function){.name = functions[k].name};
        names[k] = find_name(t, list, functions[k].name);
    }
    for (uint64_t i = 0; i < t->count; i++) {
        uint32_t begin, at;
        const uint8_t *bytes = read_entry(t, list, i, &begin, &at) ? peek(abouts, t->functions + at, ABOUT) : NULL;
        struct about about;
        if (!bytes)
            return false;
        memcpy(&about, bytes, ABOUT);
        for (size_t k = 0; k < count; k++)
            if (names[k] && about.name == names[k] &&
                (about.begin != begin || !note(t, list, i, &about, &functions[k])))
                return false;
    }
    return true;
}

bool go_table_look_up(const struct go_table *t, struct go_function *functions, size_t count) {
    struct window *windows = calloc(2, sizeof(*windows));
    if (!windows || count > FUNCTIONS_LOOKED_UP) {
        free(windows);
        return false;
    }
    windows[0].elf = windows[1].elf = t->elf;
    bool good = look_up(t, &windows[0], &windows[1], functions, count);
    free(windows);
    return good;
}

/* A number of seven bits a byte, the low ones first (encoding/binary's varint). False at the end of the table. */
static bool read_number(const struct go_table *t, struct window *w, uint64_t *at, uint32_t *out) {
    *out = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        const uint8_t *byte = *at < t->depths_end ? peek(w, *at, 1) : NULL;
        if (!byte)
            return false;
        *at += 1;
        *out |= (uint32_t)(*byte & 0x7f) << shift;
        if (!(*byte & 0x80))
            return true;
    }
    return false;
}

static bool is_return(const struct elf *e, uint64_t address) {
    uint8_t code[sizeof(RETURN)];
    return elf_read(e, address, code, sizeof(code)) && memcmp(code, RETURN, sizeof(code)) == 0;
}

/*
 * runtime.step(): pairs of how much deeper, zigzag, and for how many bytes of code. Before the first it is -1. Each
 * begins with an instruction. Behind the last return stands, as deep, what makes room on the stack.
 */
static size_t walk(const struct go_table *t, struct window *w, const struct go_function *f,
                   uint64_t returns[GO_RETURNS_MAX]) {
    uint64_t at = t->depths + f->depths, code = f->begin;
    int64_t depth = -1;
    size_t count = 0;
    for (unsigned i = 0; i < DEPTHS_MAX; i++) {
        uint32_t more, length;
        if (!read_number(t, w, &at, &more))
            return 0;
        if (more == 0 && i > 0)
            return count;
        if (!read_number(t, w, &at, &length))
            return 0;
        depth += (more & 1) ? -(int64_t)(more >> 1) - 1 : (int64_t)(more >> 1);
        uint64_t size = (uint64_t)length * QUANTUM;
        if (size == 0 || size > f->end - code || (i == 0 && depth != 0))
            return 0;
        if (i > 0 && depth == 0 && is_return(t->elf, code)) {
            if (count == GO_RETURNS_MAX)
                return 0;
            returns[count++] = code;
        }
        code += size;
    }
    return 0;
}

size_t go_table_returns(const struct go_table *t, const struct go_function *f, uint64_t returns[GO_RETURNS_MAX]) {
    struct window *w = f->begin ? calloc(1, sizeof(*w)) : NULL;
    if (!w)
        return 0;
    w->elf = t->elf;
    size_t count = walk(t, w, f, returns);
    free(w);
    return count;
}
