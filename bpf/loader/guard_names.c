/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "guard_names.h"
#include "include/policy.h"
#include "procfs.h"

/* As src/policy/compile/self-protection.ts has it for the session's own tree. */
#define CHANGES (AG_WRITE | AG_CREATE | AG_DELETE | AG_RENAME | AG_LINK | AG_TRUNCATE | AG_ATTR | AG_DO_MOUNT)
#define SECRET (CHANGES | AG_READ | AG_EXECUTE)
/* What would take a folder away with all that is in it. */
#define LEADS (AG_DELETE | AG_RENAME | AG_DO_MOUNT)

struct folder {
    __u64 ino;
    __u32 dev;
};

/* The number behind KEY at the beginning of a line of `text`. */
static bool number_of(const char *text, const char *key, unsigned long long *out) {
    const char *at = strstr(text, key);
    return at && sscanf(at + strlen(key), "%llu", out) == 1;
}

/* sb->s_dev, which stat() does not always tell, of the file system that is mounted there. */
static int dev_of_mount(unsigned long long mount, __u32 *dev) {
    char *line = NULL;
    size_t cap = 0;
    int err = -ENOENT;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && err && getline(&line, &cap, file) > 0) {
        unsigned long long id;
        unsigned major, minor;
        if (sscanf(line, "%llu %*u %u:%u", &id, &major, &minor) == 3 && id == mount) {
            *dev = major << 20 | minor;
            err = 0;
        }
    }
    free(line);
    if (file)
        fclose(file);
    return err;
}

/* As the kernel has it: i_ino is told by fdinfo from 5.14 on. */
static int folder_of(const char *path, struct folder *out) {
    char name[64], text[512];
    unsigned long long mount = 0, ino = 0;
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0 || fstat(fd, &st)) {
        int err = -errno;
        if (fd >= 0)
            close(fd);
        return err;
    }
    snprintf(name, sizeof(name), "fdinfo/%d", fd);
    ssize_t n = proc_read(getpid(), name, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return -EIO;
    text[n] = '\0';
    if (!number_of(text, "mnt_id:", &mount))
        return -EIO;
    out->ino = number_of(text, "\nino:", &ino) ? ino : st.st_ino;
    return dev_of_mount(mount, &out->dev);
}

static int add(struct guard_names *out, const struct folder *in, const char *name, size_t len, __u32 ops, __u32 ends) {
    struct ag_guard_name one = {.folder = in->ino, .dev = in->dev, .ops = ops, .ends = ends};
    one.len = len < AG_GUARD_NAME ? len : AG_GUARD_NAME;
    memcpy(one.name, name, one.len);
    for (size_t i = 0; i < out->count; i++)
        if (memcmp(&out->all[i], &one, sizeof(one)) == 0)
            return 0;
    if (out->count == AG_GUARD_NAMES_MAX)
        return -E2BIG;
    out->all[out->count++] = one;
    return 0;
}

/* Every folder above, up to the root: `path` is absolute and has no links in it. It is cut. */
static int add_folders(struct guard_names *out, char *path) {
    int err = 0;
    while (!err && path[1]) {
        struct folder own, above;
        char *slash = strrchr(path, '/');
        err = folder_of(path, &own);
        char name[NAME_MAX + 1];
        snprintf(name, sizeof(name), "%s", slash + 1);
        slash[slash == path] = '\0';
        if (!err)
            err = folder_of(path, &above);
        if (!err)
            err = add(out, &above, name, strlen(name), LEADS, AG_ENDS_HERE);
        if (!err && own.dev != above.dev) /* a file system begins here, and the name of its root is this */
            err = add(out, &own, "/", 1, AG_DO_MOUNT, AG_ENDS_HERE);
    }
    return err;
}

/* A log's finished files are called AUDIT-000001.jsonl, what lies beside each of them AUDIT.jsonl.tip and so on. */
static int add_log(struct guard_names *out, const struct folder *in, const char *name) {
    const char *dot = strrchr(name, '.');
    size_t len = strlen(name), stem = dot && dot > name ? (size_t)(dot - name) : len;
    int err = add(out, in, name, len, CHANGES, AG_ENDS_HERE | AG_ENDS_WITH_DOT);
    return err ? err : add(out, in, name, stem, CHANGES, AG_ENDS_WITH_NUMBER);
}

static int add_path(struct guard_names *out, char what, const char *path) {
    char folder[PATH_MAX], real[PATH_MAX];
    struct folder in;
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || !slash[1] || (size_t)(slash - path) >= sizeof(folder))
        return -EINVAL;
    snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (!realpath(folder, real))
        return -errno;
    int err = folder_of(real, &in);
    if (err)
        return err;
    err = what == 'l' ? add_log(out, &in, slash + 1)
                      : add(out, &in, slash + 1, strlen(slash + 1), what == 's' ? SECRET : CHANGES, AG_ENDS_HERE);
    return err ? err : add_folders(out, real);
}

/* A link is meant by its own name and by that of the file that it leads to now. */
static int add_entry(struct guard_names *out, char what, const char *path) {
    char real[PATH_MAX];
    int err = add_path(out, what, path);
    if (!err && realpath(path, real) && strcmp(real, path) != 0)
        err = add_path(out, what, real);
    return err;
}

int guard_names_of(struct guard_names *out, const char *list, size_t size) {
    int err = size && list[size - 1] == '\0' ? 0 : -EINVAL;
    for (const char *at = list; !err && at < list + size; at += strlen(at) + 1)
        err = strchr("lfs", at[0]) && at[0] ? add_entry(out, at[0], at + 1) : -EINVAL;
    return err;
}
