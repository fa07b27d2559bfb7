/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files: opens, and every call that makes, removes, renames, links, cuts or marks one. */
#ifndef AGENTGOV_FILES_H
#define AGENTGOV_FILES_H

#define FMODE_CREATED 0x100000 /* include/linux/fs.h: this very open made the file */
#define CREAT_FLAGS 01101      /* O_WRONLY | O_CREAT | O_TRUNC */

/* A successful open is described by the file that came of it, not by the name that was asked. */
SEC("tp/raw_syscalls/sys_exit")
int sx_open(void *ctx) {
    struct call call = {};
    __u32 slot;
    struct scratch *s = call_begin(&call, ctx, &slot);
    if (!s)
        return 0;
    const struct ag_layout *l = call.layout;
    if (l->flags & AG_L_OPEN_HOW)
        bpf_probe_read_user(&s->rec.arg[0], sizeof(__u64), (void *)call_arg(&call, l->value[0]));
    else if (l->flags & AG_L_CREAT)
        s->rec.arg[0] = CREAT_FLAGS;
    else
        s->rec.arg[0] = (__u32)call_arg(&call, l->value[0]);
    struct file *file = call.ret >= 0 ? file_of_fd(call.ret) : NULL;
    if (file) {
        __u32 mode = BPF_CORE_READ(file, f_mode);
        s->rec.arg[1] = mode;
        if (mode & FMODE_CREATED)
            s->rec.flags |= AG_F_CREATED;
        if (mode & FMODE_WRITE)
            mark_written(file);
        part_file(s, slot, AG_PART_PATH, 0, file);
        s->rec.ret = 0; /* the number of the descriptor is no part of what happened */
    } else if (l->path[0] != AG_NO_ARG) {
        part_asked(slot, 0, call_arg(&call, l->path[0]), call_dir(&call, l->dir[0]));
    }
    call_send(s, slot, &call, !(s->rec.flags & AG_F_CREATED));
    return 0;
}

/* Everything else that is described by one or two names, or by a descriptor and values. */
SEC("tp/raw_syscalls/sys_exit")
int sx_path(void *ctx) {
    struct call call = {};
    __u32 slot;
    struct scratch *s = call_begin(&call, ctx, &slot);
    if (!s)
        return 0;
    const struct ag_layout *l = call.layout;
    call_values(s, &call);
    if (l->fd != AG_NO_ARG) {
        struct file *file = file_of_fd((__s32)call_arg(&call, l->fd));
        if (file)
            part_file(s, slot, AG_PART_PATH, 0, file);
    }
    __u64 name = call_arg(&call, l->path[0]);
    if (l->path[0] != AG_NO_ARG) {
        if (l->flags & AG_L_TARGET_TEXT)
            part_user_string(s, AG_PART_ASKED, 0, name, AG_PATH_MAX);
        else if (name)
            part_asked(slot, 0, name, call_dir(&call, l->dir[0]));
        else { /* utimensat(fd, NULL): the descriptor itself */
            struct file *file = file_of_fd(call_dir(&call, l->dir[0]));
            if (file)
                part_file(s, slot, AG_PART_PATH, 0, file);
        }
    }
    if (l->path[1] != AG_NO_ARG)
        part_asked(slot, AG_PART_SECOND, call_arg(&call, l->path[1]), call_dir(&call, l->dir[1]));
    if (l->text != AG_NO_ARG)
        part_user_string(s, AG_PART_DATA, 0, call_arg(&call, l->text), NAME_BYTES);
    call_send(s, slot, &call, call.ret < 0 || (l->flags & AG_L_FOLDS));
    return 0;
}

/* Calls that are told by their arguments alone: privilege, ptrace, modules, perf, bpf, io_uring. */
SEC("tp/raw_syscalls/sys_exit")
int sx_misc(void *ctx) {
    struct call call = {};
    __u32 slot;
    struct scratch *s = call_begin(&call, ctx, &slot);
    if (!s)
        return 0;
    call_values(s, &call);
    call_send(s, slot, &call, call.layout->flags & AG_L_FOLDS);
    return 0;
}

#endif
