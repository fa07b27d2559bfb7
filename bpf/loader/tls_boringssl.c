/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <string.h>
#include "error_sites.h"
#include "tls_boringssl.h"
#include "x86_code.h"

/* include/openssl/err.h and ssl.h, whose numbers are never used again for another error */
#define SHOULD_NOT_HAVE_BEEN_CALLED 66
#define BAD_LENGTH 111
#define CONNECTION_TYPE_NOT_SET 134
#define PROTOCOL_IS_SHUTDOWN 194
#define SSL3_EXT_INVALID_SERVERNAME 213
#define SSL_HANDSHAKE_FAILURE 215
#define UNINITIALIZED 226

#define BODY 1024 /* of a function that is looked at whole; those that are wanted have less than half */
#define POINTERS_MAX 16
#define SLOTS 16 /* of BoringSSL's table of what a protocol does, from its beginning to write_app_data */

/* Reasons that a function must report, and must not; 0 ends a list. */
struct known_by {
    int64_t all[5], none[3];
};

static bool is_known(const struct source *source, uint64_t function, const struct known_by *by) {
    for (int i = 0; by->all[i]; i++)
        if (!error_sites_has(source, function, by->all[i]))
            return false;
    for (int i = 0; by->none[i]; i++)
        if (error_sites_has(source, function, by->none[i]))
            return false;
    return true;
}

/* The function that comes after `after` in the order of addresses and is known by these; 0: there is none. */
static uint64_t next_known(const struct source *source, uint64_t after, const struct known_by *by) {
    uint64_t found = 0;
    for (size_t i = 0; i < source->count; i++) {
        uint64_t function = source->sites[i].function;
        if (function > after && (!found || function < found) && is_known(source, function, by))
            found = function;
    }
    return found;
}

/* The one that is; 0: there is none, or another. */
static uint64_t only_known(const struct source *source, const struct known_by *by) {
    uint64_t found = next_known(source, 0, by);
    return found && !next_known(source, found, by) ? found : 0;
}

/* What a function calls, directly or through a slot of the linker's table, each once. */
#define CALLS_MAX 32
struct calls {
    uint64_t to[CALLS_MAX];
    size_t count;
};

static void note_call(struct calls *calls, uint64_t to) {
    for (size_t i = 0; i < calls->count; i++)
        if (calls->to[i] == to)
            return;
    if (calls->count < CALLS_MAX)
        calls->to[calls->count++] = to;
}

static struct calls calls_of(const struct elf *e, uint64_t function) {
    uint8_t code[BODY];
    struct calls calls = {0};
    size_t size = sizeof(code);
    if (!elf_read_from(e, function, code, &size))
        return calls;
    for (size_t at = 1; at < size; at++) {
        uint64_t address = function + at;
        if (address % X86_FUNCTION_ALIGN == 0 && x86_begins(code + at, size - at, code[at - 1]))
            break;
        uint64_t to = x86_call(code + at, size - at, address);
        if (to && to % X86_FUNCTION_ALIGN == 0 && elf_code_offset(e, to))
            note_call(&calls, to);
        else if ((to = x86_call_slot(code + at, size - at, address)))
            note_call(&calls, to);
    }
    return calls;
}

static bool is_called_by(const struct elf *e, uint64_t caller, uint64_t function) {
    struct calls calls = calls_of(e, caller);
    for (size_t i = 0; i < calls.count; i++)
        if (calls.to[i] == function)
            return true;
    return false;
}

/*
 * SSL_read() and SSL_peek() report the same error and call ssl_read_impl(): the one contains the other, and where both
 * are there both contain the work. But who reads also gives up the buffer. Besides reporting, reading and copying that
 * is a call more.
 */
#define CALLS_OF_PEEK 3

static uint64_t find_read(const struct elf *e, const struct source *lib, uint64_t read_impl) {
    static const struct known_by BY = {.all = {SHOULD_NOT_HAVE_BEEN_CALLED}, .none = {UNINITIALIZED, BAD_LENGTH}};
    uint64_t found = 0;
    for (uint64_t at = 0; (at = next_known(lib, at, &BY));) {
        if (!is_called_by(e, at, read_impl) || calls_of(e, at).count <= CALLS_OF_PEEK)
            continue;
        if (found)
            return 0;
        found = at;
    }
    return found;
}

/* kTLSProtocolMethod, ssl/tls_method.cc: bool is_dtls; ssl_new; ssl_free; ...; write_app_data; ... */
struct table {
    const struct elf *elf;
    uint64_t write_app_data, begin, end;
    size_t found, seen;
};

/* The pointers before the one at `address`, as they stand in a program that is always at the same place. */
static bool read_table(struct table *t, uint64_t address) {
    uint64_t slots[SLOTS];
    if (!elf_read(t->elf, address - sizeof(slots), slots, sizeof(slots)))
        return false;
    int first = SLOTS - 1;
    while (first >= 0 && elf_code_offset(t->elf, slots[first]))
        first--;
    if (first < 0 || slots[first] != 0 || first > SLOTS - 3)
        return false;
    t->begin = slots[first + 1];
    t->end = slots[first + 2];
    return true;
}

/* The same, as relocations: one for each pointer, none for is_dtls. */
static bool read_relocations(struct table *t, uint64_t address) {
    Elf64_Rela slots[SLOTS];
    uint64_t last = address - offsetof(Elf64_Rela, r_addend);
    if (!elf_read(t->elf, last - sizeof(slots) + sizeof(slots[0]), slots, sizeof(slots)))
        return false;
    int first = SLOTS - 1;
    while (first > 0 && slots[first - 1].r_info == R_X86_64_RELATIVE &&
           slots[first - 1].r_offset == slots[first].r_offset - sizeof(uint64_t))
        first--;
    if (first == 0 || first > SLOTS - 3 || slots[first].r_info != R_X86_64_RELATIVE)
        return false;
    t->begin = slots[first].r_addend;
    t->end = slots[first + 1].r_addend;
    return true;
}

static bool see_pointer(void *arg, const struct elf_block *block) {
    struct table *t = arg;
    for (size_t at = -block->address % sizeof(uint64_t); at < block->starts; at += sizeof(uint64_t)) {
        if (at + sizeof(uint64_t) > block->size || memcmp(block->bytes + at, &t->write_app_data, sizeof(uint64_t)) != 0)
            continue;
        t->found += read_table(t, block->address + at) || read_relocations(t, block->address + at);
        if (++t->seen == POINTERS_MAX)
            return false;
    }
    return true;
}

/* Constants hold the table itself or its relocations; where it is neither, it is data that they were packed for. */
static bool find_table(struct table *t) {
    return elf_scan(t->elf, 0, see_pointer, t) && (t->found || elf_scan(t->elf, PF_W, see_pointer, t)) && t->found == 1;
}

/* Which functions are called from somewhere in the program: each that is one and not only looks like it. */
#define CALLED 4

struct callers {
    uint64_t functions[CALLED];
    bool seen[CALLED];
};

static bool see_call(void *arg, const struct elf_block *block) {
    struct callers *c = arg;
    const uint8_t *end = block->bytes + block->starts, *at = block->bytes;
    for (; (at = memchr(at, X86_CALL, end - at)); at++) {
        size_t offset = at - block->bytes;
        uint64_t to = x86_call(at, block->size - offset, block->address + offset);
        for (int i = 0; i < CALLED; i++)
            c->seen[i] |= to == c->functions[i];
    }
    return true;
}

static bool are_called(const struct elf *e, uint64_t read, uint64_t write, uint64_t handshake, uint64_t set_host_name) {
    struct callers callers = {.functions = {read, write, handshake, set_host_name}};
    bool good = elf_scan(e, PF_X, see_call, &callers);
    for (int i = 0; i < CALLED; i++)
        good &= callers.seen[i];
    return good;
}

bool boringssl_functions(int fd, struct boringssl *out) {
    static const struct known_by READ_IMPL = {.all = {UNINITIALIZED, SSL_HANDSHAKE_FAILURE},
                                              .none = {SHOULD_NOT_HAVE_BEEN_CALLED, BAD_LENGTH}};
    static const struct known_by WRITE = {
        .all = {SHOULD_NOT_HAVE_BEEN_CALLED, UNINITIALIZED, SSL_HANDSHAKE_FAILURE, BAD_LENGTH}};
    static const struct known_by HANDSHAKE = {.all = {CONNECTION_TYPE_NOT_SET}};
    static const struct known_by SET_HOST_NAME = {.all = {SSL3_EXT_INVALID_SERVERNAME}};
    static const struct known_by WRITE_APP_DATA = {.all = {PROTOCOL_IS_SHUTDOWN, BAD_LENGTH}};
    struct source sources[] = {{.name = "ssl/ssl_lib.cc"}, {.name = "ssl/s3_pkt.cc"}};
    const struct source *lib = &sources[0], *packets = &sources[1];
    struct elf e;
    if (!elf_open(&e, fd) || e.head.e_machine != EM_X86_64 || !error_sites_find(&e, sources, 2))
        return false;
    struct table table = {.elf = &e, .write_app_data = only_known(packets, &WRITE_APP_DATA)};
    uint64_t handshake = only_known(lib, &HANDSHAKE), write = only_known(lib, &WRITE);
    uint64_t read_impl = only_known(lib, &READ_IMPL), set_host_name = only_known(lib, &SET_HOST_NAME);
    uint64_t read = read_impl ? find_read(&e, lib, read_impl) : 0;
    if (!table.write_app_data || !handshake || !write || !read || !set_host_name ||
        !is_called_by(&e, write, handshake) || !is_called_by(&e, read_impl, handshake) ||
        !are_called(&e, read, write, handshake, set_host_name) || !find_table(&table))
        return false;
    *out = (struct boringssl){
        .read = elf_code_offset(&e, read),
        .write = elf_code_offset(&e, write),
        .handshake = elf_code_offset(&e, handshake),
        .set_host_name = elf_code_offset(&e, set_host_name),
        .begin = elf_code_offset(&e, table.begin),
        .end = elf_code_offset(&e, table.end),
    };
    return out->read && out->write && out->handshake && out->set_host_name && out->begin && out->end;
}
