/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The little that can be told of x86-64 code without disassembling it: single instructions, looked for at each byte,
 * where a false one does no harm. Code is given with how many bytes of it there are. Opcodes as in Intel's manual,
 * volume 2. What is asked for each byte of a program is inline.
 */
#ifndef AGENTGOV_X86_CODE_H
#define AGENTGOV_X86_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define X86_FUNCTION_ALIGN 16 /* as compilers align functions that are not there to be small */
#define X86_PUTS_MAX 7        /* bytes of an instruction that puts an address into a register */
#define X86_CALL 0xe8

static inline int32_t x86_number(const uint8_t *code) {
    int32_t n;
    memcpy(&n, code, sizeof(n));
    return n;
}

/*
 * Where in `code` (mapped at `address`), from its byte `from` on, an instruction ends that puts `target` into a
 * register: as a number of 32 bits (in programs that are always at the same place) or by its distance (lea). 0: nowhere
 * in its first `size` bytes.
 */
size_t x86_puts(const uint8_t *code, size_t size, uint64_t address, uint64_t target, size_t from);

/* The target of the call at `code` (mapped at `address`); 0: it is no direct call. */
static inline uint64_t x86_call(const uint8_t *code, size_t size, uint64_t address) {
    return code[0] == X86_CALL && size >= 5 ? address + 5 + (int64_t)x86_number(code + 1) : 0;
}

/* The address of the pointer that the call at `code` goes through; 0: it is no such call. */
static inline uint64_t x86_call_slot(const uint8_t *code, size_t size, uint64_t address) {
    return size >= 6 && code[0] == 0xff && code[1] == 0x15 ? address + 6 + (int64_t)x86_number(code + 2) : 0;
}

/* The numbers that the instructions at `code` load into edi, esi and edx up to the first that does something else. */
void x86_arguments(const uint8_t *code, size_t size, int64_t arguments[3]); /* -1: none is loaded */

/* Does a function begin at `code`? `before`: the byte in front of it. */
bool x86_begins(const uint8_t *code, size_t size, uint8_t before);

#endif
