/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>
#include "go_table.h"
#include "tls_go.h"

_Static_assert(TLS_GO_RETURNS_MAX == GO_RETURNS_MAX, "one is filled from the other");

enum { READ, WRITE, CLOSE, CLIENT, SERVER, NAME, COUNT };

#define PROLOGUE 14

/*
 * Each begins by asking whether there is room on the goroutine's stack (cmd/internal/obj: stacksplit). On x86-64 that
 * also says that it finds the goroutine in r14, and so its arguments in registers: since Go 1.17, on arm64 since 1.18.
 *
 * How far behind the beginning the probe belongs; -1 where it begins otherwise. On x86-64 that is the jump behind the
 * comparison, where nothing has moved yet: a jump is carried out by the kernel itself (arch/x86/kernel/uprobes.c,
 * branch_setup_insn()), most else in a copy, with a second trap, which on a nested virtual machine is six times as
 * long.
 */
static int entry(const uint8_t *code) {
#if defined(__x86_64__)
    static const uint8_t COMPARE[] = {0x49, 0x3b, 0x66, 0x10};       /* cmp rsp, [r14+16] */
    static const uint8_t LARGE_COMPARE[] = {0x4d, 0x3b, 0x66, 0x10}; /* cmp r12, [r14+16] */
    static const uint8_t LEA_8[] = {0x4c, 0x8d, 0x64, 0x24};         /* lea r12, [rsp-n] */
    static const uint8_t LEA_32[] = {0x4c, 0x8d, 0xa4, 0x24};
    int at = memcmp(code, COMPARE, 4) == 0                                             ? 4
             : memcmp(code, LEA_8, 4) == 0 && memcmp(code + 5, LARGE_COMPARE, 4) == 0  ? 9
             : memcmp(code, LEA_32, 4) == 0 && memcmp(code + 8, LARGE_COMPARE, 4) == 0 ? 12
                                                                                       : -1;
    bool jumps = at > 0 && (code[at] == 0x76 || (code[at] == 0x0f && code[at + 1] == 0x86)); /* jbe */
    return jumps ? at : -1;
#elif defined(__aarch64__)
    static const uint8_t LOAD[] = {0x90, 0x0b, 0x40, 0xf9}; /* ldr x16, [x28, #16] */
    return memcmp(code, LOAD, 4) == 0 ? 0 : -1;
#endif
}

/* Where it stands in the file, and (`returns`) where it returns. True when that is certain, or it is not there. */
static bool place(const struct go_table *t, const struct go_function *f, bool returns, struct tls_go_function *out) {
    uint8_t code[PROLOGUE];
    uint64_t at[GO_RETURNS_MAX];
    if (!f->begin)
        return true;
    int into = elf_read(t->elf, f->begin, code, sizeof(code)) ? entry(code) : -1;
    if (into < 0)
        return false;
    out->entry = elf_code_offset(t->elf, f->begin + into);
    out->count = returns ? go_table_returns(t, f, at) : 0;
    for (size_t i = 0; i < out->count; i++)
        if ((out->returns[i] = elf_code_offset(t->elf, at[i])) == 0)
            return false;
    return out->entry && (!returns || out->count);
}

bool tls_go_functions(int fd, struct tls_go *out) {
    struct go_function all[COUNT] = {
        [READ] = {.name = "crypto/tls.(*Conn).Read"},
        [WRITE] = {.name = "crypto/tls.(*Conn).Write"},
        [CLOSE] = {.name = "crypto/tls.(*Conn).Close"},
        [CLIENT] = {.name = "crypto/tls.(*Conn).clientHandshake"},
        [SERVER] = {.name = "crypto/tls.(*Conn).serverHandshake"},
        [NAME] = {.name = "crypto/tls.hostnameInSNI"},
    };
    struct elf e;
    struct go_table table;
    *out = (struct tls_go){0};
    if (!elf_open(&e, fd))
        return false;
    enum go_found found = go_table_find(&e, &table);
    if (found == GO_NONE)
        return false;
    if (found == GO_OLD) {
        out->why = "built by a version of Go before 1.18";
        return true;
    }
    bool looked_up = found == GO_FOUND && go_table_look_up(&table, all, COUNT);
    if (looked_up && !all[READ].begin && !all[WRITE].begin)
        return false;
    if (!looked_up || !all[READ].begin || !all[WRITE].begin || !all[CLOSE].begin ||
        !place(&table, &all[READ], true, &out->read) || !place(&table, &all[WRITE], true, &out->write) ||
        !place(&table, &all[CLOSE], false, &out->close) || !place(&table, &all[CLIENT], false, &out->client) ||
        !place(&table, &all[SERVER], false, &out->server) || !place(&table, &all[NAME], true, &out->name))
        out->why = "the functions of its crypto/tls cannot be told for certain";
    return true;
}
