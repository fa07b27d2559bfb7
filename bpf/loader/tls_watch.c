/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A library is found where it is mapped, through the process's own view of it (/proc/PID/map_files, so that neither a
 * mount namespace nor a removed name matters). That alone would be late for a program that is quick: attaching waits
 * for the kernel. Since probes stay through an exec and wait for a library that is not mapped yet, whoever executes a
 * program that has used TLS before, or one that nobody has seen yet, gets the libraries that are known at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "json.h"
#include "procfs.h"
#include "tasklist.h"
#include "tls_probes.h"
#include "tls_watch.h"

#define PROCESS_BUCKETS 4096
#define LIBRARIES_MAX 8 /* that one process is probed in */
#define KNOWN_MAX 4     /* that are probed before they are mapped: those that came last */
#define MAPS_LINES 65536
#define SAID_BYTES (64 << 10)
#define PATIENCE_S 10 /* with a file that is made to be slow */
#define FAILED (-EBADMSG)

struct attachment {
    uint64_t library;
    bool mapped; /* and told */
    bool failed; /* its functions are not what they were taken for: not probed any more */
    struct tls_probes probes;
};

struct target {
    uint32_t pid;
    uint64_t start;
    struct attachment items[LIBRARIES_MAX];
    int count;
    struct target *next; /* in its bucket */
};

struct tls_watch {
    const struct agentgov_bpf *skel;
    const struct agent_maps *own;
    const struct members *members;
    pthread_t thread;
    int wake; /* eventfd: `asked` is to be looked at */
    atomic_int asked;
    sem_t adopted;
    struct ring_buffer *notices;
    struct tls_libraries libraries;
    int known[KNOWN_MAX]; /* descriptors of libraries, the last one first; -1: none */
    struct target *targets[PROCESS_BUCKETS];
    pthread_mutex_t saying; /* guards `said`, the only thing that both threads touch */
    struct buf said;
};

enum { ASK_ADOPT = 1, ASK_STOP };

/* Where distributions keep what most programs use: known before anybody has mapped it. Others are found when mapped. */
static const char *const USUAL[] = {
    "/usr/lib/x86_64-linux-gnu/libssl.so.3",
    "/usr/lib/aarch64-linux-gnu/libssl.so.3",
    "/usr/lib64/libssl.so.3",
    "/usr/lib/libssl.so.3",
    "/usr/lib/x86_64-linux-gnu/libssl.so.1.1",
    "/usr/lib/aarch64-linux-gnu/libssl.so.1.1",
    "/usr/lib64/libssl.so.1.1",
    "/usr/lib/x86_64-linux-gnu/libgnutls.so.30",
    "/usr/lib/aarch64-linux-gnu/libgnutls.so.30",
    "/usr/lib64/libgnutls.so.30",
};

static struct target **place_of(struct tls_watch *w, uint32_t pid) {
    struct target **at = &w->targets[pid % PROCESS_BUCKETS];
    while (*at && (*at)->pid != pid)
        at = &(*at)->next;
    return at;
}

static void drop_probes(struct target *t) {
    while (t->count > 0)
        tls_probes_detach(&t->items[--t->count].probes);
}

static void drop(struct target **at) {
    struct target *t = *at;
    if (!t)
        return;
    *at = t->next;
    drop_probes(t);
    free(t);
}

static void map_set(int map, const void *key, uint32_t value, uint64_t how) {
    bpf_map_update_elem(map, key, &value, how);
}

/* BPF_EXIST: only while the process is there, whose end has removed it. */
static void set_probed(const struct tls_watch *w, uint32_t pid, enum ag_probed probed, uint64_t how) {
    map_set(agent_maps_fd(w->own, w->skel->maps.tls_processes), &pid, probed, how);
}

static uint32_t flags_of(const struct tls_watch *w, const struct ag_file *file) {
    uint32_t flags = 0;
    if (bpf_map_lookup_elem(agent_maps_fd(w->own, w->skel->maps.tls_files), file, &flags) != 0)
        flags = 0;
    return flags;
}

static void set_flags(const struct tls_watch *w, const struct ag_file *file, uint32_t on, uint32_t off) {
    uint32_t flags = flags_of(w, file), now = (flags | on) & ~off;
    if (now != flags)
        map_set(agent_maps_fd(w->own, w->skel->maps.tls_files), file, now, BPF_ANY);
}

/* Forgets the process, and lets the kernel forget it. */
static void leave(struct tls_watch *w, uint32_t pid) {
    drop(place_of(w, pid));
    bpf_map_delete_elem(agent_maps_fd(w->own, w->skel->maps.tls_processes), &pid);
}

/*
 * The target of a process, made when there is none. The kernel is told first: so the end of the process is told to us,
 * or it was before, and then it is no member any more.
 */
static struct target *target_of(struct tls_watch *w, uint32_t pid, uint64_t start) {
    struct target **at = place_of(w, pid);
    if (*at && (*at)->start != start)
        drop(at);
    if (*at)
        return *at;
    struct target *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->pid = pid;
    t->start = start;
    *at = t;
    set_probed(w, pid, AG_PROBED_EXPECTED, BPF_ANY);
    if (members_has(w->members, pid))
        return t;
    leave(w, pid);
    return NULL;
}

/* Begins a message about a process. @return where, for say_end() */
static size_t say_begin(struct tls_watch *w, const struct target *t, const char *msg) {
    struct buf *out = &w->said;
    pthread_mutex_lock(&w->saying);
    size_t before = out->len;
    buf_str(out, "{\"msg\":");
    json_str(out, msg);
    buf_str(out, ",\"pid\":");
    buf_u64(out, t->pid);
    buf_str(out, ",\"start_us\":");
    buf_u64(out, t->start / 1000);
    return before;
}

static void say_end(struct tls_watch *w, size_t before) {
    struct buf *out = &w->said;
    buf_put(out, "}\n", 2);
    if (out->over) { /* so many at once: the data itself is not told less for it */
        out->len = before;
        out->over = false;
    }
    pthread_mutex_unlock(&w->saying);
}

static const char *error_of(const struct tls_library *library, int err) {
    if (library->why)
        return library->why;
    return err == FAILED ? "what leaves its sockets is not what its functions write" : err ? strerror(-err) : "";
}

static void say(struct tls_watch *w, const struct target *t, const struct tls_library *library, int err) {
    struct buf *out = &w->said;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", library->fd);
    ssize_t n = readlink(link, path, sizeof(path));
    size_t before = say_begin(w, t, "tls_library");
    buf_str(out, ",\"library\":");
    json_str(out, library->name);
    buf_str(out, ",\"path\":");
    json_bytes(out, path, n > 0 ? n : 0);
    buf_str(out, ",\"found\":");
    json_str(out, library->found);
    buf_str(out, ",\"error\":");
    json_str(out, error_of(library, err));
    say_end(w, before);
}

/* Probes the library in the process, if that is not done. `mapped`: it is there now, and not only expected. */
static void attach(struct tls_watch *w, struct target *t, const struct tls_library *library, bool mapped) {
    struct attachment *a = NULL;
    int err = 0;
    for (int i = 0; i < t->count && !a; i++)
        if (t->items[i].library == library->id)
            a = &t->items[i];
    if (!a && t->count == LIBRARIES_MAX)
        err = -E2BIG;
    else if (!a) {
        a = &t->items[t->count];
        *a = (struct attachment){.library = library->id};
        err = tls_probes_attach(w->skel, library, t->pid, &a->probes);
        if (!err)
            t->count++;
    }
    if (a && a->failed)
        err = FAILED;
    if (!mapped || err == -ESRCH || (!err && a->mapped))
        return;
    say(w, t, library, err);
    if (err)
        return;
    a->mapped = true;
    set_probed(w, t->pid, AG_PROBED_MAPPED, BPF_EXIST);
}

/* What came last stands first: a tree mostly uses what it has just used. */
static void know(struct tls_watch *w, const struct tls_library *library) {
    int at = 0;
    while (at < KNOWN_MAX - 1 && w->known[at] >= 0) {
        const struct tls_library *other = tls_library_of(&w->libraries, w->known[at]);
        if (other == library)
            break;
        at++;
    }
    int fd = fcntl(library->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (w->known[at] >= 0)
        close(w->known[at]);
    memmove(&w->known[1], &w->known[0], at * sizeof(w->known[0]));
    w->known[0] = fd;
}

static void attach_known(struct tls_watch *w, struct target *t) {
    for (int i = 0; i < KNOWN_MAX && w->known[i] >= 0; i++) {
        const struct tls_library *library = tls_library_of(&w->libraries, w->known[i]);
        if (library)
            attach(w, t, library, false);
    }
}

/* Is this the file that the kernel spoke of? Where a file system shows another number it is looked at each time. */
static bool is_file(int fd, const struct ag_file *file) {
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_ino == file->ino && (__u64)st.st_ctim.tv_sec == file->changed_s &&
           st.st_ctim.tv_nsec == file->changed_ns;
}

/* Looks into a file that the process has mapped. True when it is a TLS library, and probed. */
static bool look(struct tls_watch *w, uint32_t pid, uint64_t start, int fd, const struct ag_file *file) {
    const struct tls_library *library = tls_library_of(&w->libraries, fd);
    if (!library) {
        if (file && is_file(fd, file))
            set_flags(w, file, AG_FILE_NO_TLS, 0);
        return false;
    }
    struct target *t = target_of(w, pid, start);
    if (t)
        attach(w, t, library, true);
    return true;
}

static int open_of(uint32_t pid, const char *name) {
    char path[64 + PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
    /* A FIFO or device in a regular file's place must not hold us up. */
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* `path` is what the maps call it, for where the links of map_files may not be followed. */
static int open_mapping(uint32_t pid, unsigned long long from, unsigned long long to, const char *path) {
    char name[64];
    snprintf(name, sizeof(name), "map_files/%llx-%llx", from, to); /* without the zeros that the maps put in front */
    int fd = open_of(pid, name);
    if (fd >= 0 || errno != EPERM || *path != '/')
        return fd;
    char rooted[PATH_MAX + 8];
    snprintf(rooted, sizeof(rooted), "root%.*s", PATH_MAX - 1, path);
    return open_of(pid, rooted);
}

/* Opens what is mapped to be executed: at `address`, or (0) one file after the other, each given to look(). */
static int each_mapping(struct tls_watch *w, uint32_t pid, uint64_t start, uint64_t address) {
    char path[64], *line = NULL;
    size_t cap = 0;
    int found = -1;
    snprintf(path, sizeof(path), "/proc/%u/maps", pid);
    FILE *maps = fopen(path, "re");
    for (int i = 0; maps && i < MAPS_LINES && found < 0 && getline(&line, &cap, maps) > 0; i++) {
        unsigned long long from, to, inode = 0;
        char prot[5];
        int path_at = 0;
        /* "7f..-7f.. r-xp 00000000 fe:00 339900   /path" */
        if (sscanf(line, "%llx-%llx %4s %*x %*s %llu %n", &from, &to, prot, &inode, &path_at) < 4 || !inode ||
            prot[2] != 'x' || (address && (address < from || address >= to)))
            continue;
        line[strcspn(line, "\n")] = '\0';
        int fd = open_mapping(pid, from, to, line + path_at);
        if (address)
            found = fd;
        else if (fd >= 0) {
            look(w, pid, start, fd, NULL);
            close(fd);
        }
        if (address)
            break;
    }
    free(line);
    if (maps)
        fclose(maps);
    return found;
}

/* What the old program had mapped is gone; probes stay, unless the process is another task now. */
static void on_exec(struct tls_watch *w, const struct ag_notice *n) {
    struct target **at = place_of(w, n->pid);
    if (*at)
        say_end(w, say_begin(w, *at, "tls_unmapped"));
    if (*at && n->other)
        drop_probes(*at);
    for (int i = 0; *at && i < (*at)->count; i++)
        (*at)->items[i].mapped = false;
    if (*at)
        set_probed(w, n->pid, AG_PROBED_EXPECTED, BPF_EXIST);
    int fd = open_of(n->pid, "exe");
    bool found = fd >= 0 && look(w, n->pid, n->start, fd, &n->file);
    if (fd >= 0)
        close(fd);
    if (found)
        return;
    if (flags_of(w, &n->file) & AG_FILE_QUIET) {
        leave(w, n->pid);
        return;
    }
    /* Until it maps a library. The next time the libraries are there before the program is. */
    set_flags(w, &n->file, AG_FILE_QUIET, 0);
    struct target *t = target_of(w, n->pid, n->start);
    if (t)
        attach_known(w, t);
}

/* The process ended before it was looked at. What was expected of it is still known, and has been read. */
static void on_map_gone(struct tls_watch *w, const struct ag_notice *n) {
    struct target *t = *place_of(w, n->pid);
    for (int i = 0; t && t->start == n->start && i < KNOWN_MAX && w->known[i] >= 0; i++) {
        const struct tls_library *library = tls_library_of(&w->libraries, w->known[i]);
        if (library && is_file(w->known[i], &n->file))
            attach(w, t, library, true);
    }
}

static void on_map(struct tls_watch *w, const struct ag_notice *n) {
    int fd = each_mapping(w, n->pid, n->start, n->other);
    if (fd < 0) {
        on_map_gone(w, n);
        return;
    }
    if (look(w, n->pid, n->start, fd, &n->file)) {
        set_flags(w, &n->exe, 0, AG_FILE_QUIET);
        know(w, tls_library_of(&w->libraries, fd));
    }
    close(fd);
}

static const struct tls_library *library_by(struct tls_watch *w, uint64_t id) {
    for (int i = 0; i < TLS_LIBRARIES; i++)
        if (w->libraries.items[i].id == id)
            return &w->libraries.items[i];
    return NULL;
}

/* The child has its parent's memory, with all libraries mapped. */
static void on_fork(struct tls_watch *w, const struct ag_notice *n) {
    if (!*place_of(w, n->other))
        return;
    struct target *child = target_of(w, n->pid, n->start);
    struct target *parent = *place_of(w, n->other);
    for (int i = 0; child && parent && i < parent->count; i++) {
        const struct tls_library *library = library_by(w, parent->items[i].library);
        if (library)
            attach(w, child, library, parent->items[i].mapped);
    }
}

/* What was found without a name, and is not what it was taken for. */
static void on_failed(struct tls_watch *w, const struct ag_notice *n) {
    struct target *t = *place_of(w, n->pid);
    for (int i = 0; t && t->start == n->start && i < t->count; i++) {
        struct attachment *a = &t->items[i];
        const struct tls_library *library = library_by(w, a->library);
        if (!library || !tls_library_is_on_trial(library) || a->failed)
            continue;
        tls_probes_detach(&a->probes);
        a->failed = true;
        say(w, t, library, FAILED);
    }
}

static int on_notice(void *arg, void *bytes, size_t size) {
    struct tls_watch *w = arg;
    struct ag_notice n;
    if (size != sizeof(n))
        return 0;
    memcpy(&n, bytes, sizeof(n));
    switch (n.kind) {
    case AG_NOTICE_EXEC:
        on_exec(w, &n);
        break;
    case AG_NOTICE_MAP:
        on_map(w, &n);
        break;
    case AG_NOTICE_FORK:
        on_fork(w, &n);
        break;
    case AG_NOTICE_EXIT:
        if (*place_of(w, n.pid) && (*place_of(w, n.pid))->start == n.start)
            drop(place_of(w, n.pid));
        break;
    case AG_NOTICE_FAILED:
        on_failed(w, &n);
        break;
    }
    return 0;
}

static void adopt(struct tls_watch *w) {
    struct tasklist tasks = {0};
    if (tasklist_read(&tasks, w->skel) != 0)
        return;
    for (uint32_t pid = members_next(w->members, 1); pid; pid = members_next(w->members, pid + 1)) {
        uint64_t start = tasklist_start(&tasks, pid);
        if (!start || *place_of(w, pid))
            continue;
        each_mapping(w, pid, start, 0);
        struct target *t = target_of(w, pid, start);
        if (t)
            attach_known(w, t);
    }
    tasklist_free(&tasks);
}

static void *watch(void *arg) {
    struct tls_watch *w = arg;
    uint64_t times;
    for (;;) {
        struct pollfd fds[] = {
            {.fd = ring_buffer__epoll_fd(w->notices), .events = POLLIN},
            {.fd = w->wake, .events = POLLIN},
        };
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents && read(w->wake, &times, sizeof(times)) == sizeof(times)) {
            if (atomic_load(&w->asked) == ASK_STOP)
                return NULL;
            adopt(w);
            sem_post(&w->adopted);
        }
        ring_buffer__consume(w->notices);
    }
}

static void ask(struct tls_watch *w, int what) {
    uint64_t once = 1;
    atomic_store(&w->asked, what);
    (void)!write(w->wake, &once, sizeof(once));
}

static void know_usual(struct tls_watch *w) {
    for (size_t i = 0; i < sizeof(USUAL) / sizeof(USUAL[0]); i++) {
        int fd = open(USUAL[i], O_RDONLY | O_CLOEXEC);
        const struct tls_library *library = fd >= 0 ? tls_library_of(&w->libraries, fd) : NULL;
        if (library)
            know(w, library);
        if (fd >= 0)
            close(fd);
    }
}

static bool start_thread(struct tls_watch *w) {
    /* Ten descriptors for a process and library. */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    sigset_t all, before;
    sigfillset(&all); /* signals are for the thread that turns */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = tls_probes_begin() && pthread_create(&w->thread, NULL, watch, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct tls_watch *tls_watch_start(const struct programs *p) {
    struct tls_watch *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->skel = p->skel;
    w->own = &p->own;
    w->members = &p->members;
    for (int i = 0; i < KNOWN_MAX; i++)
        w->known[i] = -1;
    pthread_mutex_init(&w->saying, NULL);
    sem_init(&w->adopted, 0, 0);
    w->wake = eventfd(0, EFD_CLOEXEC);
    w->notices = ring_buffer__new(agent_maps_fd(w->own, w->skel->maps.tls_notices), on_notice, w, NULL);
    if (w->wake >= 0 && w->notices && buf_alloc(&w->said, SAID_BYTES)) {
        know_usual(w);
        if (start_thread(w))
            return w;
    }
    ring_buffer__free(w->notices);
    buf_free(&w->said);
    close(w->wake);
    free(w);
    return NULL;
}

void tls_watch_adopt(struct tls_watch *w) {
    struct timespec deadline;
    ask(w, ASK_ADOPT);
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    while (sem_timedwait(&w->adopted, &deadline) != 0 && errno == EINTR)
        ;
}

void tls_watch_tell(struct tls_watch *w, struct buf *out) {
    pthread_mutex_lock(&w->saying);
    size_t before = out->len;
    buf_put(out, w->said.data, w->said.len);
    if (out->over) { /* told when there is room again */
        out->len = before;
        out->over = false;
    } else {
        buf_reset(&w->said);
    }
    pthread_mutex_unlock(&w->saying);
}

void tls_watch_stop(struct tls_watch *w, struct buf *out) {
    struct timespec deadline;
    ask(w, ASK_STOP);
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    if (pthread_timedjoin_np(w->thread, NULL, &deadline) != 0)
        return; /* held by a file that cannot be read: the end of the loader takes out what it has */
    for (int i = 0; i < PROCESS_BUCKETS; i++)
        while (w->targets[i])
            drop(&w->targets[i]);
    tls_probes_end();
    tls_watch_tell(w, out);
    for (int i = 0; i < KNOWN_MAX; i++)
        if (w->known[i] >= 0)
            close(w->known[i]);
    tls_libraries_free(&w->libraries);
    ring_buffer__free(w->notices);
    buf_free(&w->said);
    close(w->wake);
    free(w);
}
