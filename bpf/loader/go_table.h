/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of functions that a Go program keeps for its stack traces (pclntab), whether its symbols were stripped or
 * not: names, where they begin, and where in them the stack has which depth. As Go 1.18 and later write it
 * (runtime/symtab.go: pcHeader, moduledata; runtime/runtime2.go: _func).
 */
#ifndef AGENTGOV_GO_TABLE_H
#define AGENTGOV_GO_TABLE_H

#include "elf_file.h"

enum go_found {
    GO_NONE,   /* no such table: no Go program, or one that hides it */
    GO_OLD,    /* one of a version before 1.18 */
    GO_UNSURE, /* there is one, and it is not whole, or two */
    GO_FOUND,
};

struct go_table {
    const struct elf *elf;
    uint64_t header; /* addresses */
    uint64_t names, names_end;
    uint64_t depths, depths_end;
    uint64_t functions;
    uint64_t count; /* of functions */
    uint64_t text;  /* what their places count from */
};

/* `e` has to stay. */
enum go_found go_table_find(const struct elf *e, struct go_table *out);

#define GO_RETURNS_MAX 16

struct go_function {
    const char *name; /* with its package, as `crypto/tls.(*Conn).Read`; at most 60 bytes */
    uint64_t begin;   /* address; 0: there is none */
    uint64_t end;     /* where the next one begins */
    uint32_t depths;  /* of the stack: where in their table */
};

/* Fills in all but the names, of up to eight. False when the table contradicts itself, or one is there twice. */
bool go_table_look_up(const struct go_table *t, struct go_function *functions, size_t count);

/*
 * Addresses of the instructions by which a function returns; how many, 0 when that cannot be told. Without decoding
 * what is in between: a function that has a frame has given it back where it returns, and the table says at which
 * instructions the depth of the stack is that of the entry again.
 */
size_t go_table_returns(const struct go_table *t, const struct go_function *f, uint64_t returns[GO_RETURNS_MAX]);

#endif
