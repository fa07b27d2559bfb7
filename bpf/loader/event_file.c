/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* file_open, file_create, file_delete, file_rename, file_link, file_truncate, file_attr and mount. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include "event_fill.h"
#include "json.h"
#include "names.h"

/* include/linux/fs.h of the kernel; not part of its interface, the same since 2.6.36. */
#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_EXEC 0x20
#define FMODE_PATH 0x4000

static void fill_access_mode(struct line *l, __u64 mode) {
    if (mode & FMODE_PATH)
        line_word(l, F_ACCESS, "path");
    else if (mode & FMODE_EXEC)
        line_word(l, F_ACCESS, "exec");
    else if ((mode & (FMODE_READ | FMODE_WRITE)) == (FMODE_READ | FMODE_WRITE))
        line_word(l, F_ACCESS, "read_write");
    else if (mode & FMODE_WRITE)
        line_word(l, F_ACCESS, "write");
    else if (mode & FMODE_READ)
        line_word(l, F_ACCESS, "read");
    else
        line_word(l, F_ACCESS, "path"); /* opened with access mode 3: neither, only ioctl */
}

/* What a failed open wanted, from its flags. */
static __u64 wanted_mode(__u64 flags) {
    if (flags & O_PATH)
        return FMODE_PATH;
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return FMODE_READ;
    case O_WRONLY:
        return FMODE_WRITE;
    default:
        return FMODE_READ | FMODE_WRITE;
    }
}

static void fill_flags(struct events *ev, struct line *l, const struct name *table, __u64 flags) {
    size_t from = ev->scratch.len;
    names_flags(&ev->scratch, table, flags);
    fill_scratch(ev, l, F_FLAGS, from);
}

/* An empty name that does not exist is no name: it is not the directory that it would start from. */
static void object_path(const struct record *r, bool second, struct path *path) {
    const struct part *asked = record_part(r, AG_PART_ASKED, second);
    if (r->head.ret == -ENOENT && asked && asked->len == 0)
        path->len = 0;
    else
        path_of_record(r, second, path);
}

static void fill_first(struct events *ev, const struct record *r, struct line *l) {
    struct path path;
    object_path(r, false, &path);
    fill_path(ev, l, F_PATH, F_PATH_HEX, &path);
}

static void fill_second(struct events *ev, const struct record *r, struct line *l) {
    struct path path;
    object_path(r, true, &path);
    fill_path(ev, l, F_PATH_TO, F_PATH_TO_HEX, &path);
}

static void fill_open(struct events *ev, const struct record *r, struct line *l) {
    if (r->head.flags & AG_F_CREATED)
        line_word(l, F_EVENT_TYPE, "file_create");
    else
        line_word(l, F_EVENT_TYPE, "file_open");
    fill_first(ev, r, l);
    fill_access_mode(l, r->head.ret < 0 ? wanted_mode(r->head.arg[0]) : r->head.arg[1]);
    fill_flags(ev, l, OPEN_FLAGS, r->head.arg[0]);
}

/* The new link is what comes to be; its target is text, which need not name anything. */
static void fill_symlink(struct events *ev, const struct record *r, struct line *l) {
    struct path path;
    object_path(r, true, &path);
    fill_path(ev, l, F_PATH, F_PATH_HEX, &path);
    const struct part *target = record_part(r, AG_PART_ASKED, false);
    if (target && !(target->flags & AG_PART_UNREAD))
        fill_bytes(ev, l, F_PATH_TO, F_PATH_TO_HEX, target->data, target->len);
}

static void put_id(struct buf *b, __u32 id) {
    if (id == (__u32)-1)
        buf_str(b, "-1"); /* leave as it is */
    else
        buf_u64(b, id);
}

/* The argument of an attribute change as text. */
static void fill_value(struct events *ev, const struct record *r, enum syscall_op op, struct line *l) {
    const __u64 *arg = r->head.arg;
    struct buf *b = &ev->scratch;
    size_t from = b->len;
    const struct part *name;
    if (r->head.kind == AG_OBJECT)
        return;
    switch (op) {
    case OP_CHMOD:
        buf_str(b, "\"0");
        for (int shift = arg[0] & 07000 ? 9 : 6; shift >= 0; shift -= 3)
            buf_char(b, '0' + (arg[0] >> shift & 7));
        buf_char(b, '"');
        break;
    case OP_CHOWN:
        buf_char(b, '"');
        put_id(b, arg[0]);
        buf_char(b, ':');
        put_id(b, arg[1]);
        buf_char(b, '"');
        break;
    case OP_TRUNCATE:
        buf_str(b, "\"length ");
        /* truncate64 of the 32-bit table has the length in two halves. */
        buf_i64(b, r->head.flags & AG_F_IA32 ? (__s64)((__u32)arg[0] | arg[1] << 32) : (__s64)arg[0]);
        buf_char(b, '"');
        break;
    default:
        name = record_part(r, AG_PART_DATA, false); /* of an extended attribute */
        if (!name || (name->flags & AG_PART_UNREAD))
            return;
        json_bytes(b, name->data, name->len);
    }
    fill_scratch(ev, l, F_VALUE, from);
}

#define TYPE(l, type, access)                                                                                          \
    do {                                                                                                               \
        line_word(l, F_EVENT_TYPE, type);                                                                              \
        line_word(l, F_ACCESS, access);                                                                                \
    } while (0)

static bool fill_op(struct events *ev, const struct record *r, enum syscall_op op, struct line *l) {
    switch (op) {
    case OP_CREATE:
        TYPE(l, "file_create", "create");
        fill_first(ev, r, l);
        return true;
    case OP_SYMLINK:
        TYPE(l, "file_create", "create");
        fill_symlink(ev, r, l);
        return true;
    case OP_LINK:
        TYPE(l, "file_link", "link");
        fill_first(ev, r, l);
        fill_second(ev, r, l);
        return true;
    case OP_DELETE:
        TYPE(l, "file_delete", "delete");
        fill_first(ev, r, l);
        return true;
    case OP_RENAME:
        TYPE(l, "file_rename", "rename");
        fill_first(ev, r, l);
        fill_second(ev, r, l);
        if (r->head.kind != AG_OBJECT) /* a hook's argument is the operation itself */
            fill_flags(ev, l, RENAME_FLAGS, r->head.arg[0]);
        return true;
    case OP_TRUNCATE:
        TYPE(l, "file_truncate", "write");
        fill_first(ev, r, l);
        fill_value(ev, r, op, l);
        return true;
    case OP_CHMOD:
    case OP_CHOWN:
    case OP_ATTR:
        TYPE(l, "file_attr", "attr");
        fill_first(ev, r, l);
        fill_value(ev, r, op, l);
        return true;
    default:
        return false;
    }
}

/* What an LSM hook saw of work that no system call of the process describes (io_uring). */
static enum syscall_op op_of_object(enum ag_op op) {
    switch (op) {
    case AG_OP_MKNOD:
    case AG_OP_MKDIR:
    case AG_OP_SYMLINK: /* the new link; what it says is told by the call alone */
        return OP_CREATE;
    case AG_OP_LINK:
        return OP_LINK;
    case AG_OP_UNLINK:
    case AG_OP_RMDIR:
        return OP_DELETE;
    case AG_OP_RENAME:
        return OP_RENAME;
    case AG_OP_TRUNCATE:
        return OP_TRUNCATE;
    case AG_OP_CHMOD:
    case AG_OP_CHOWN:
        return OP_ATTR;
    default:
        return OP_OTHER;
    }
}

bool fill_file(struct events *ev, const struct record *r, struct line *l) {
    switch (r->head.kind) {
    case AG_OPEN:
        fill_open(ev, r, l);
        return true;
    case AG_PATH:
        return fill_op(ev, r, op_of_record(ev, r), l);
    case AG_OBJECT:
        return fill_op(ev, r, op_of_object(r->head.arg[0]), l);
    }
    return false;
}

/* A mount source is a path only when it says so: "proc" and "tmpfs" name no file of the working directory. */
static bool source_is_path(const struct part *source, __u64 flags) {
    return (source->len > 0 && source->data[0] == '/') || (flags & (MS_BIND | MS_MOVE));
}

bool fill_mount(struct events *ev, const struct record *r, struct line *l) {
    const struct part *source = record_part(r, AG_PART_ASKED, false);
    line_word(l, F_EVENT_TYPE, "mount");
    fill_second(ev, r, l);
    if (op_of_record(ev, r) != OP_MOUNT || (source && source_is_path(source, r->head.arg[0])))
        fill_first(ev, r, l);
    else if (source && source->len > 0)
        fill_text(ev, l, F_VALUE, source->data, source->len);
    if (op_of_record(ev, r) == OP_MOUNT)
        fill_flags(ev, l, MOUNT_FLAGS, r->head.arg[0]);
    return true;
}
