/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "event.h"
#include "path.h"
#include "procfs.h"
#include "report.h"
#include "sockets.h"
#include "tasklist.h"

#define FMODE_READ 0x1 /* include/linux/fs.h of the kernel, as in AG_OPEN */
#define FMODE_WRITE 0x2
#define FMODE_PATH 0x4000
#define SEEN_MAX 4096 /* descriptors of one process that are compared for being the same file */

struct report {
    struct merge *merge;
    const struct process *process;
    struct ag_record head; /* what all records of the process share */
    struct tasklist tasks;
    struct sockets sockets;
    struct stat net; /* the namespace that `sockets` is of */
    char record[sizeof(struct ag_record) + 65536];
    uint64_t seen[SEEN_MAX];
    size_t seen_count;
    size_t lost;
};

static void begin(struct report *r, enum ag_kind kind, enum ag_class cls) {
    struct ag_record *head = (void *)r->record;
    *head = r->head;
    head->ktime = clock_now();
    head->kind = kind;
    head->cls = cls;
}

static struct ag_record *head_of(struct report *r) {
    return (void *)r->record;
}

static void put(struct report *r, enum ag_part_type type, __u8 flags, const void *data, size_t len) {
    record_append(r->record, sizeof(r->record), type, flags, data, len);
}

static void send_record(struct report *r) {
    if (!merge_push(r->merge, r->record, record_size(r->record), EVENT_PREEXISTING))
        r->lost++;
}

/* A name as a link of /proc shows it: "/a/b", with " (deleted)" behind it when the file has gone. */
static void put_path(struct report *r, enum ag_part_type type, const char *text, size_t len, bool deleted) {
    char parts[AG_PATH_MAX + 64];
    static const char GONE[] = " (deleted)", MEMFD[] = "/memfd:";
    __u8 flags = 0;
    if (deleted && len > sizeof(GONE) - 1 && !memcmp(text + len - (sizeof(GONE) - 1), GONE, sizeof(GONE) - 1)) {
        len -= sizeof(GONE) - 1;
        flags |= AG_PART_DELETED;
    }
    if (deleted && len > sizeof(MEMFD) - 1 && !memcmp(text, MEMFD, sizeof(MEMFD) - 1))
        flags |= AG_PART_OUTSIDE;
    size_t n = path_to_part(text, len, parts, sizeof(parts));
    put(r, type, flags, parts, n);
}

static bool is_gone(uint32_t pid, const char *name) {
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
    return stat(path, &st) == 0 && st.st_nlink == 0;
}

static void report_exec(struct report *r) {
    uint32_t pid = r->head.pid;
    char link[AG_PATH_MAX];
    ssize_t n = proc_link(pid, "exe", link, sizeof(link));
    if (n <= 0)
        return; /* a kernel thread, or it has gone */
    begin(r, AG_EXEC, AG_CLASS_PROCESS);
    put_path(r, AG_PART_PATH, link, n, is_gone(pid, "exe"));
    n = proc_link(pid, "cwd", link, sizeof(link));
    if (n > 0)
        put_path(r, AG_PART_CWD, link, n, is_gone(pid, "cwd"));
    static char argv[2 * AG_ARGV_MAX];
    n = proc_read(pid, "cmdline", argv, sizeof(argv));
    if (n >= 0) {
        head_of(r)->arg[3] = n;
        put(r, AG_PART_ARGV, n > AG_ARGV_MAX ? AG_PART_CUT : 0, argv, n > AG_ARGV_MAX ? AG_ARGV_MAX : n);
    }
    head_of(r)->ppid = r->process->ppid;
    head_of(r)->arg[1] = r->process->inner;
    send_record(r);
}

/* The same file opened the same way by several descriptors is one thing that is open. */
static bool seen_before(struct report *r, const char *text, size_t len, unsigned flags) {
    uint64_t hash = 14695981039346656037ULL ^ flags; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211ULL;
    for (size_t i = 0; i < r->seen_count; i++)
        if (r->seen[i] == hash)
            return true;
    if (r->seen_count < SEEN_MAX)
        r->seen[r->seen_count++] = hash;
    return false;
}

static void report_file(struct report *r, const char *fd, const char *link, size_t len) {
    char name[32], text[1024];
    unsigned flags = 0;
    snprintf(name, sizeof(name), "fdinfo/%.20s", fd);
    ssize_t n = proc_read(r->head.pid, name, text, sizeof(text) - 1);
    if (n <= 0)
        return;
    text[n] = '\0';
    const char *at = strstr(text, "flags:");
    if (at)
        sscanf(at, "flags: %o", &flags);
    if (seen_before(r, link, len, flags))
        return;
    begin(r, AG_OPEN, AG_CLASS_FILE);
    head_of(r)->arg[0] = flags;
    if (flags & O_PATH)
        head_of(r)->arg[1] = FMODE_PATH;
    else if ((flags & O_ACCMODE) == O_RDWR)
        head_of(r)->arg[1] = FMODE_READ | FMODE_WRITE;
    else
        head_of(r)->arg[1] = (flags & O_ACCMODE) == O_WRONLY ? FMODE_WRITE : FMODE_READ;
    snprintf(name, sizeof(name), "fd/%.20s", fd);
    put_path(r, AG_PART_PATH, link, len, is_gone(r->head.pid, name));
    send_record(r);
}

static void send_socket(struct report *r, enum ag_kind kind, const struct socket_info *info, const void *address,
                        socklen_t len) {
    begin(r, kind, AG_CLASS_NETWORK);
    head_of(r)->arg[0] = info->type;
    head_of(r)->arg[1] = info->protocol;
    head_of(r)->arg[2] = info->family;
    put(r, AG_PART_SOCKADDR, 0, address, len);
    send_record(r);
}

/* The tables are those of the process's network namespace: read anew only when that is another one. */
static void read_sockets(struct report *r) {
    char path[64];
    struct stat net;
    snprintf(path, sizeof(path), "/proc/%u/ns/net", r->head.pid);
    if (stat(path, &net) != 0 || (net.st_ino == r->net.st_ino && net.st_dev == r->net.st_dev))
        return;
    sockets_free(&r->sockets);
    sockets_read(&r->sockets, r->head.pid);
    r->net = net;
}

static void report_socket(struct report *r, uint64_t inode) {
    read_sockets(r);
    const struct socket_info *info = sockets_find(&r->sockets, r->head.pid, inode);
    if (!info)
        return;
    if (info->listening)
        send_socket(r, AG_LISTEN, info, &info->local, info->local_len);
    else if (info->connected)
        send_socket(r, AG_CONNECT, info, &info->peer, info->peer_len);
    else if (info->type == SOCK_DGRAM && info->local_len)
        send_socket(r, AG_BIND, info, &info->local, info->local_len);
}

static void report_descriptors(struct report *r) {
    char path[64], name[288], link[AG_PATH_MAX];
    unsigned long long inode;
    snprintf(path, sizeof(path), "/proc/%u/fd", r->head.pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    r->seen_count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(name, sizeof(name), "fd/%s", entry->d_name);
        ssize_t n = proc_link(r->head.pid, name, link, sizeof(link) - 1);
        if (n <= 0)
            continue;
        link[n] = '\0';
        if (link[0] == '/')
            report_file(r, entry->d_name, link, n);
        else if (sscanf(link, "socket:[%llu]", &inode) == 1)
            report_socket(r, inode);
    }
    closedir(dir);
}

static void report_one(struct report *r, struct processes *t, uint32_t pid) {
    struct proc_stat stat;
    struct proc_status status;
    const struct process *p = processes_adopt(t, pid, tasklist_start(&r->tasks, pid));
    if (!p || !proc_stat_read(pid, &stat) || !proc_status_read(pid, &status))
        return;
    r->process = p;
    r->head = (struct ag_record){.start = p->start, .pid = pid, .uid = status.uid, .gid = status.gid, .nr = AG_NO_NR};
    memcpy(r->head.comm, stat.comm, sizeof(r->head.comm));
    if (!proc_is_like_us(pid))
        report_exec(r);
    report_descriptors(r);
}

size_t report_running(const struct agentgov_bpf *skel, struct processes *t, struct merge *m, const uint32_t *pids,
                      size_t count) {
    struct report *r = calloc(1, sizeof(*r));
    if (!r)
        return count;
    r->merge = m;
    (void)!tasklist_read(&r->tasks, skel); /* without it, starts are those of /proc */
    for (size_t i = 0; i < count; i++)
        report_one(r, t, pids[i]);
    size_t lost = r->lost;
    sockets_free(&r->sockets);
    tasklist_free(&r->tasks);
    free(r);
    return lost;
}
