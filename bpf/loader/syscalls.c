/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "include/events.h"
#include "layouts.h"
#include "syscalls.h"

/* By name, not by number: the 32-bit table and other processors have other numbers, and some lack a call. */
static const struct {
    const char *name;
    enum syscall_op op;
} OPS[] = {
    {"mkdir", OP_CREATE},        {"mkdirat", OP_CREATE},
    {"mknod", OP_CREATE},        {"mknodat", OP_CREATE},
    {"symlink", OP_SYMLINK},     {"symlinkat", OP_SYMLINK},
    {"link", OP_LINK},           {"linkat", OP_LINK},
    {"unlink", OP_DELETE},       {"unlinkat", OP_DELETE},
    {"rmdir", OP_DELETE},        {"rename", OP_RENAME},
    {"renameat", OP_RENAME},     {"renameat2", OP_RENAME},
    {"truncate", OP_TRUNCATE},   {"ftruncate", OP_TRUNCATE},
    {"truncate64", OP_TRUNCATE}, {"ftruncate64", OP_TRUNCATE},
    {"chmod", OP_CHMOD},         {"fchmod", OP_CHMOD},
    {"fchmodat", OP_CHMOD},      {"fchmodat2", OP_CHMOD},
    {"chown", OP_CHOWN},         {"lchown", OP_CHOWN},
    {"fchown", OP_CHOWN},        {"fchownat", OP_CHOWN},
    {"chown32", OP_CHOWN},       {"lchown32", OP_CHOWN},
    {"fchown32", OP_CHOWN},      {"mount", OP_MOUNT},
    {"setuid", OP_IDS1},         {"setgid", OP_IDS1},
    {"setfsuid", OP_IDS1},       {"setfsgid", OP_IDS1},
    {"setuid32", OP_IDS1},       {"setgid32", OP_IDS1},
    {"setreuid", OP_IDS2},       {"setregid", OP_IDS2},
    {"setreuid32", OP_IDS2},     {"setregid32", OP_IDS2},
    {"setresuid", OP_IDS3},      {"setresgid", OP_IDS3},
    {"setresuid32", OP_IDS3},    {"setresgid32", OP_IDS3},
    {"unshare", OP_UNSHARE},     {"setns", OP_SETNS},
    {"setgroups", OP_GROUPS},    {"setgroups32", OP_GROUPS},
    {"ptrace", OP_PTRACE},       {"bpf", OP_BPF},
};

static enum syscall_op op_of(const char *name, enum ag_kind kind) {
    for (size_t i = 0; i < sizeof(OPS) / sizeof(OPS[0]); i++)
        if (!strcmp(OPS[i].name, name))
            return OPS[i].op;
    return kind == AG_PATH ? OP_ATTR : OP_OTHER;
}

void syscalls_init(struct syscalls *s) {
    size_t used = 0;
    memset(s, 0, sizeof(*s));
    for (int i = 0; i < syscall_layouts_count; i++) {
        const struct syscall_layout *call = &syscall_layouts[i];
        size_t len = strlen(call->name) + 2;
        if (sizeof(s->text) - used < len)
            abort(); /* the table outgrew its text: seen by every test */
        char *json = s->text + used;
        json[0] = json[len - 1] = '"';
        memcpy(json + 1, call->name, len - 2);
        used += len;
        struct syscall_name name = {.json = json, .len = len, .op = op_of(call->name, call->layout.kind)};
        if (call->nr >= 0 && call->nr < AG_NR_MAX)
            s->by_nr[0][call->nr] = name;
        if (call->nr_ia32 >= 0 && call->nr_ia32 < AG_NR_MAX)
            s->by_nr[1][call->nr_ia32] = name;
    }
}

const struct syscall_name *syscalls_find(const struct syscalls *s, unsigned nr, bool ia32) {
    static const struct syscall_name UNKNOWN = {0};
    return nr < AG_NR_MAX ? &s->by_nr[ia32][nr] : &UNKNOWN;
}
