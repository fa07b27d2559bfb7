/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "x86_code.h"

#define MOV_IMM32 0xb8 /* + the register */
#define LEA 0x8d
#define REX_W 0x48

size_t x86_puts(const uint8_t *code, size_t size, uint64_t address, uint64_t target, size_t from) {
    uint32_t whole = target, distance = target - address - sizeof(whole);
    for (size_t at = from < 1 ? 1 : from; at + sizeof(whole) <= size; at++) {
        uint32_t number = x86_number(code + at);
        bool moves = number == whole && whole == target && (code[at - 1] & 0xf8) == MOV_IMM32;
        bool leads = number == distance - (uint32_t)at && at >= 3 && code[at - 2] == LEA &&
                     (code[at - 1] & 0xc7) == 0x05 && (code[at - 3] & 0xfb) == REX_W;
        if (moves || leads)
            return at + sizeof(number);
    }
    return 0;
}

void x86_arguments(const uint8_t *code, size_t size, int64_t arguments[3]) {
    /* By the processor's number of the register: edx 2, esi 6, edi 7. */
    int64_t registers[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    size_t at = 0;
    while (at < size) {
        const uint8_t *c = code + at;
        size_t left = size - at;
        if ((c[0] & 0xf8) == MOV_IMM32 && left >= 5) {
            registers[c[0] & 7] = x86_number(c + 1);
            at += 5;
        } else if (c[0] == 0x41 && left >= 6 && (c[1] & 0xf8) == MOV_IMM32) { /* r8d and on */
            at += 6;
        } else if ((c[0] == 0x31 || c[0] == 0x89) && left >= 2 && c[1] >= 0xc0) { /* xor and mov, between registers */
            if (c[0] == 0x31 && (c[1] >> 3 & 7) == (c[1] & 7))
                registers[c[1] & 7] = 0;
            at += 2;
        } else if ((c[0] & 0xf0) == 0x40 && left >= 3 && (c[1] == 0x31 || c[1] == 0x89) && c[2] >= 0xc0) {
            at += 3;
        } else {
            break;
        }
    }
    arguments[0] = registers[7];
    arguments[1] = registers[6];
    arguments[2] = registers[2];
}

/* Length of a push of a register that a function keeps for its caller, or of rax (for room); 0: it is none. */
static size_t push(const uint8_t *code, size_t size) {
    if (size >= 1 && (code[0] == 0x50 || code[0] == 0x53 || code[0] == 0x55))
        return 1;
    return size >= 2 && code[0] == 0x41 && code[1] >= 0x54 && code[1] <= 0x57 ? 2 : 0;
}

bool x86_begins(const uint8_t *code, size_t size, uint8_t before) {
    static const uint8_t LANDING[] = {0xf3, 0x0f, 0x1e, 0xfa}; /* endbr64 */
    static const uint8_t FRAME[] = {0x48, 0x89, 0xe5};         /* mov rbp, rsp */
    if (size >= sizeof(LANDING) && memcmp(code, LANDING, sizeof(LANDING)) == 0)
        return true;
    size_t first = push(code, size);
    if (first && (push(code + first, size - first) ||
                  (size - first >= sizeof(FRAME) && memcmp(code + first, FRAME, sizeof(FRAME)) == 0)))
        return true;
    /* One push, or room on the stack, is little: then the function before must have ended, or be padded. */
    bool room = size >= 3 && code[0] == REX_W && (code[1] == 0x81 || code[1] == 0x83) && code[2] == 0xec;
    bool gap = before == 0xcc || before == 0xc3 || before == 0x90 || before == 0x00; /* int3, ret, the ends of nops */
    return gap && (first || room);
}
