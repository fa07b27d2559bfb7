/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "kernel_types.h"

#define NAMES 512 /* places for names, a power of two; the object knows less than half as many */

/* Names of types without what stands behind ___ in them (variants of one kernel type). */
struct names {
    const char *text[NAMES];
    size_t length[NAMES];
};

/* Types that are copied, with all that they contain. Behind a pointer no program reads by the pointer's own type. */
struct copy {
    const struct btf *from;
    struct btf *to;
    int *ids; /* by id in `from`: the one in `to`; 0: not there yet */
    int pointer;
};

/* Kinds of which programs ask where a member is, or which value a name has. */
static bool is_asked_for(const struct btf_type *type) {
    return btf_is_composite(type) || btf_is_any_enum(type) || btf_is_typedef(type);
}

/* The place of a name, or of where it would be. */
static size_t place_of(const struct names *names, const char *text, size_t length) {
    unsigned hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    size_t at = hash % NAMES;
    while (names->text[at] && (names->length[at] != length || memcmp(names->text[at], text, length) != 0))
        at = (at + 1) % NAMES;
    return at;
}

static int read_names(const struct btf *btf, struct names *names) {
    size_t count = 0;
    for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
        const struct btf_type *type = btf__type_by_id(btf, id);
        const char *text = btf__name_by_offset(btf, type->name_off), *variant = strstr(text, "___");
        size_t length = variant ? (size_t)(variant - text) : strlen(text);
        if (!is_asked_for(type) || length == 0)
            continue;
        size_t at = place_of(names, text, length);
        if (names->text[at])
            continue;
        if (++count > NAMES / 2)
            return -E2BIG;
        names->text[at] = text;
        names->length[at] = length;
    }
    return 0;
}

static int copy_type(struct copy *c, __u32 id);

/* A type's id in the copy; whatever went wrong stays in *err. */
static __u32 contained(struct copy *c, __u32 id, int *err) {
    int copied = copy_type(c, id);
    if (copied < 0)
        *err = copied;
    return copied < 0 ? 0 : copied;
}

/* Has the type's copy speak of the copies of what it contains, which are made here. */
static int copy_contents(struct copy *c, const struct btf_type *type, int id) {
    int err = 0;
    if (btf_is_array(type)) {
        __u32 element = contained(c, btf_array(type)->type, &err);
        __u32 index = contained(c, btf_array(type)->index_type, &err);
        struct btf_array *array = btf_array(btf__type_by_id(c->to, id));
        array->type = element;
        array->index_type = index;
    } else if (btf_is_composite(type)) {
        for (int i = 0; i < btf_vlen(type); i++) {
            __u32 member = contained(c, btf_members(type)[i].type, &err);
            btf_members(btf__type_by_id(c->to, id))[i].type = member;
        }
    } else if (btf_is_mod(type) || btf_is_typedef(type) || btf_is_type_tag(type)) {
        __u32 named = contained(c, type->type, &err);
        ((struct btf_type *)btf__type_by_id(c->to, id))->type = named;
    }
    return err;
}

/* The id of a type in the copy, where it is made when it is not there yet; a negative errno. Only pointers go round in
 * circles, so this ends. */
static int copy_type(struct copy *c, __u32 id) {
    if (id == 0)
        return 0;
    const struct btf_type *type = btf__type_by_id(c->from, id);
    if (!type)
        return -EINVAL;
    if (btf_is_ptr(type))
        return c->pointer;
    if (c->ids[id])
        return c->ids[id];
    int copied = btf__add_type(c->to, c->from, type);
    if (copied < 0)
        return copied;
    c->ids[id] = copied;
    int err = copy_contents(c, type, copied);
    return err ? err : copied;
}

static int copy_named(struct copy *c, const struct names *names) {
    c->pointer = btf__add_ptr(c->to, 0);
    if (c->pointer < 0)
        return c->pointer;
    for (__u32 id = 1; id < btf__type_cnt(c->from); id++) {
        const struct btf_type *type = btf__type_by_id(c->from, id);
        if (!is_asked_for(type))
            continue;
        const char *text = btf__name_by_offset(c->from, type->name_off);
        if (!names->text[place_of(names, text, strlen(text))])
            continue;
        int copied = copy_type(c, id);
        if (copied < 0)
            return copied;
    }
    return 0;
}

static int write_all(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0)
            return -errno;
        bytes += n;
        size -= n;
    }
    return 0;
}

bool kernel_types_open(struct kernel_types *k) {
    k->all = btf__load_vmlinux_btf();
    k->fd = k->all ? memfd_create("kernel-types", MFD_CLOEXEC) : -1;
    snprintf(k->path, sizeof(k->path), "/proc/self/fd/%d", k->fd);
    return k->fd >= 0;
}

int kernel_types_fill(const struct kernel_types *k, const struct bpf_object *object) {
    struct names names = {0};
    int err = read_names(bpf_object__btf(object), &names);
    if (err)
        return err;
    struct copy c = {.from = k->all, .to = btf__new_empty()};
    c.ids = calloc(btf__type_cnt(c.from), sizeof(*c.ids));
    err = c.ids && c.to ? copy_named(&c, &names) : -errno;
    __u32 size = 0;
    const void *raw = err ? NULL : btf__raw_data(c.to, &size);
    if (!err)
        err = raw ? write_all(k->fd, raw, size) : -ENOMEM;
    free(c.ids);
    btf__free(c.to);
    return err;
}

void kernel_types_close(struct kernel_types *k) {
    if (k->fd >= 0)
        close(k->fd);
    btf__free(k->all);
}
