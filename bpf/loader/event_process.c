/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* process_fork, process_exec, process_exit. */
#include "event_fill.h"
#include "json.h"
#include "names.h"

/* NUL-separated arguments as an array of strings. What is cut off in the middle of one stays as it is. */
static void fill_argv(struct events *ev, const struct record *r, struct line *l) {
    const struct part *part = record_part(r, AG_PART_ARGV, false);
    if (!part || (part->flags & AG_PART_UNREAD))
        return;
    size_t from = ev->scratch.len, len = part->len;
    const char *at = part->data, *end = at + len;
    if (len > 0 && end[-1] == '\0')
        end--;
    buf_char(&ev->scratch, '[');
    while (len > 0) {
        size_t n = strnlen(at, end - at);
        json_bytes(&ev->scratch, at, n);
        at += n;
        if (at == end)
            break;
        at++;
        buf_put(&ev->scratch, ", ", 2);
    }
    buf_char(&ev->scratch, ']');
    fill_scratch(ev, l, F_ARGV, from);
    if (part->flags & AG_PART_CUT) {
        line_true(l, F_ARGV_CUT);
        line_int(l, F_ARGV_BYTES, r->head.arg[3]);
    }
}

static void fill_script(struct events *ev, const struct record *r, struct line *l) {
    const struct part *asked = record_part(r, AG_PART_SCRIPT_ASKED, false);
    const struct part *interpreter = record_part(r, AG_PART_INTERP, false);
    if (!asked)
        return;
    if (interpreter && asked->len == interpreter->len && !memcmp(asked->data, interpreter->data, asked->len))
        return;
    const struct part *script = record_part(r, AG_PART_SCRIPT, false);
    if (r->head.flags & AG_F_SCRIPT_WRITTEN)
        line_true(l, F_SCRIPT_WRITTEN);
    struct path path;
    if (script)
        path_from_part(script, &path);
    else
        path_join(asked, asked->len > 0 && asked->data[0] == '/' ? NULL : record_part(r, AG_PART_CWD, false), &path);
    if (path.len > 0) {
        fill_text(ev, l, F_SCRIPT, path.bytes, path.len);
        if (!path.resolved)
            line_json(l, F_PATH_RESOLVED, "false", 5);
    }
    if (interpreter && !(interpreter->flags & AG_PART_UNREAD))
        fill_text(ev, l, F_INTERPRETER, interpreter->data, interpreter->len);
}

static void fill_program(struct events *ev, const struct record *r, struct line *l) {
    struct path path;
    line_word(l, F_EVENT_TYPE, "process_exec");
    path_of_record(r, false, &path);
    fill_path(ev, l, F_PATH, F_PATH_HEX, &path);
    if (r->head.flags & AG_F_WRITTEN)
        line_true(l, F_WRITTEN);
}

static void fill_exec(struct events *ev, const struct record *r, struct process *p, struct line *l) {
    struct path path;
    fill_program(ev, r, l);
    fill_argv(ev, r, l);
    fill_script(ev, r, l);
    const struct part *cwd = record_part(r, AG_PART_CWD, false);
    if (cwd) {
        path_from_part(cwd, &path);
        fill_text(ev, l, F_CWD, path.bytes, path.len);
    }
    if (r->head.arg[0]) { /* 64 bits: a string */
        size_t from = ev->scratch.len;
        buf_char(&ev->scratch, '"');
        buf_u64(&ev->scratch, r->head.arg[0]);
        buf_char(&ev->scratch, '"');
        fill_scratch(ev, l, F_CGROUP, from);
    }
    if (p && p->container)
        line_json(l, F_CONTAINER_ID, p->container->json, p->container->len);
}

/* wait(2): the low seven bits are the signal, the next byte the code. */
static void fill_exit(struct events *ev, const struct record *r, struct line *l) {
    unsigned status = r->head.arg[0], signal = status & 0x7f;
    line_word(l, F_EVENT_TYPE, "process_exit");
    if (!signal) {
        line_int(l, F_EXIT_CODE, status >> 8 & 0xff);
        return;
    }
    size_t from = ev->scratch.len;
    names_signal(&ev->scratch, signal);
    fill_scratch(ev, l, F_SIGNAL, from);
}

/* Only new namespaces say something about a fork; the other clone flags are how a C library starts a process. */
static void fill_fork(struct events *ev, const struct record *r, struct line *l) {
    line_word(l, F_EVENT_TYPE, "process_fork");
    size_t from = ev->scratch.len;
    names_flags(&ev->scratch, CLONE_NAMESPACES, r->head.arg[0]);
    fill_scratch(ev, l, F_FLAGS, from);
}

bool fill_process(struct events *ev, const struct record *r, struct process *p, struct line *l) {
    switch (r->head.kind) {
    case AG_FORK:
        fill_fork(ev, r, l);
        return true;
    case AG_EXEC:
        fill_exec(ev, r, p, l);
        return true;
    case AG_EXEC_FAIL:
        fill_program(ev, r, l);
        return true;
    case AG_EXIT:
        fill_exit(ev, r, l);
        return true;
    }
    return false;
}
