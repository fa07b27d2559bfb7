/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `agentgov-loader exec`: becomes CMD, but only when told to. In between it is governed, so everything that CMD does
 * from its first instruction on is seen. What has to be looked up (PATH) and given up (privileges) is done before:
 * none of it is CMD's doing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "subcommands.h"

#define NOT_EXECUTABLE 126
#define NOT_FOUND 127
#define NEVER_TOLD 125
#define GROUPS_MAX 65536 /* NGROUPS_MAX of the kernel */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

struct launch {
    long go_fd, report_fd, uid, gid; /* -1: not given */
    const char *groups;
    char **command;
};

static bool parse_number(const char *text, long max, long *out) {
    char *end;
    errno = 0;
    *out = strtol(text, &end, 10);
    return !errno && end != text && !*end && *out >= 0 && *out <= max && text[0] >= '0' && text[0] <= '9';
}

static bool parse_options(int argc, char **argv, struct launch *l) {
    static const struct option OPTIONS[] = {
        {"go-fd", required_argument, NULL, 'g'},  {"report-fd", required_argument, NULL, 'r'},
        {"uid", required_argument, NULL, 'u'},    {"gid", required_argument, NULL, 'i'},
        {"groups", required_argument, NULL, 's'}, {NULL, 0, NULL, 0},
    };
    *l = (struct launch){.go_fd = -1, .report_fd = -1, .uid = -1, .gid = -1};
    for (int opt; (opt = getopt_long(argc, argv, "+", OPTIONS, NULL)) != -1;) {
        bool good = opt == 'g'   ? parse_number(optarg, 1 << 20, &l->go_fd)
                    : opt == 'r' ? parse_number(optarg, 1 << 20, &l->report_fd)
                    : opt == 'u' ? parse_number(optarg, 0xfffffffeL, &l->uid)
                    : opt == 'i' ? parse_number(optarg, 0xfffffffeL, &l->gid)
                    : opt == 's' ? (l->groups = optarg) != NULL
                                 : false;
        if (!good)
            return false;
    }
    l->command = argv + optind;
    bool whole_identity = (l->uid < 0) == (l->gid < 0) && (l->uid < 0) == !l->groups;
    return l->go_fd >= 0 && l->report_fd >= 0 && whole_identity && optind < argc;
}

static int set_groups(const char *text) {
    gid_t *groups = calloc(GROUPS_MAX, sizeof(*groups));
    size_t n = 0;
    bool good = groups != NULL;
    while (good && *text) {
        char *end;
        unsigned long gid = strtoul(text, &end, 10);
        good = end != text && (*end == ',' || *end == '\0') && n < GROUPS_MAX && gid < 0xffffffffUL;
        if (!good)
            break;
        groups[n++] = gid;
        text = *end ? end + 1 : end;
    }
    int err = good ? setgroups(n, groups) : -1;
    free(groups);
    return err;
}

/* In this order: without the user's privilege the groups could not be changed any more. */
static bool drop_privileges(const struct launch *l) {
    if (l->uid < 0)
        return true;
    return set_groups(l->groups) == 0 && setresgid(l->gid, l->gid, l->gid) == 0 &&
           setresuid(l->uid, l->uid, l->uid) == 0;
}

static int check_file(const char *path) {
    struct stat st;
    if (stat(path, &st))
        return errno;
    if (!S_ISREG(st.st_mode))
        return EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) ? errno : 0;
}

/* execvp(3): a name with a slash is itself; else the first in PATH that can be run. 0 or the errno to report. */
static int resolve(const char *name, char **out) {
    if (strchr(name, '/')) {
        *out = strdup(name);
        return *out ? check_file(name) : ENOMEM;
    }
    const char *path = getenv("PATH");
    int result = ENOENT;
    if (!*name)
        return ENOENT;
    for (const char *at = path ? path : DEFAULT_PATH;; at++) {
        const char *end = strchrnul(at, ':');
        if (asprintf(out, "%.*s%s%s", (int)(end - at), at, end > at ? "/" : "./", name) < 0)
            return ENOMEM;
        int err = check_file(*out);
        if (!err)
            return 0;
        free(*out);
        *out = NULL;
        if (err == EACCES)
            result = EACCES; /* said only if nothing better comes */
        at = end;
        if (!*at)
            return result;
    }
}

static int report(const struct launch *l, int err) {
    char text[16];
    int n = snprintf(text, sizeof(text), "%d\n", err);
    (void)!write(l->report_fd, text, n);
    return err == ENOENT || err == ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE;
}

/*
 * Who looks for TLS libraries looks at what is mapped to be executed. A large program is searched for longer than it
 * takes to send its first request, so it is there already when governing begins. Nothing of it is touched.
 */
static void show(const char *file) {
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        close(fd);
    }
}

static bool wait_for_go(int fd) {
    char byte;
    ssize_t n;
    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

/* What a shell does with a file that has neither a format nor a #!: run it itself. */
static void run_by_shell(const char *file, char **command) {
    size_t n = 0;
    while (command[n])
        n++;
    char **argv = calloc(n + 2, sizeof(*argv));
    if (!argv)
        return;
    argv[0] = "/bin/sh";
    argv[1] = (char *)file;
    memcpy(argv + 2, command + 1, n * sizeof(*argv));
    execv(argv[0], argv);
    free(argv);
}

int exec_main(int argc, char **argv) {
    struct launch l;
    char *file = NULL;
    if (!parse_options(argc, argv, &l)) {
        fprintf(stderr,
                "usage: agentgov-loader exec --go-fd N --report-fd M [--uid U --gid G --groups A,B] -- CMD...\n");
        return EXIT_USAGE;
    }
    fcntl(l.go_fd, F_SETFD, FD_CLOEXEC);
    fcntl(l.report_fd, F_SETFD, FD_CLOEXEC);
    if (!drop_privileges(&l)) {
        fprintf(stderr, "The privileges could not be given up: %s.\n", strerror(errno));
        return EXIT_INTERNAL;
    }
    int err = resolve(l.command[0], &file);
    if (err)
        return report(&l, err);
    show(file);
    if (!wait_for_go(l.go_fd))
        return NEVER_TOLD;
    execv(file, l.command);
    if (errno == ENOEXEC)
        run_by_shell(file, l.command);
    err = errno;
    int status = report(&l, err);
    /* The file was there when we looked: what is missing is its interpreter. */
    return status == NOT_FOUND && access(file, F_OK) == 0 ? NOT_EXECUTABLE : status;
}
