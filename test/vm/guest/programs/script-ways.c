/*
 * An interpreter whose scripts try to open files in the ways that differ in which script the process runs: on its own,
 * after an exec that failed, in a child, as another program. Prints "WAY ERRNO" for each, 0 where it led there.
 *
 * KEY: the file. DIR: the folder with the scripts that it runs. ONLY: open KEY and say no more. UNTIL: open it again
 * and again until that file is there, and print each change.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "ways.h"

static int open_key(void) {
    return open(getenv("KEY"), O_RDONLY);
}

static void *run_in_thread(void *go) {
    return (void *)(long)(((int (*)(void))go)() < 0 ? errno : 0);
}

static int in_thread(int (*go)(void)) {
    pthread_t thread;
    void *error;
    need(-pthread_create(&thread, NULL, run_in_thread, go), "pthread_create");
    pthread_join(thread, &error);
    errno = (long)error;
    return error ? -1 : 0;
}

/* Runs a file of DIR in our place; comes back when that fails. */
static int become(const char *name) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", getenv("DIR"), name);
    setenv("ONLY", "1", 1);
    execl(path, path, NULL);
    return errno;
}

static int after(const char *name, int wanted) {
    if (become(name) != wanted) {
        perror(name);
        _exit(99);
    }
    return open_key();
}

static int own_thread(void) {
    return in_thread(open_key);
}

static int in_vfork(void) {
    int status;
    pid_t child = vfork();
    if (!child)
        _exit(open_key() < 0 ? errno : 0);
    waitpid(child, &status, 0);
    errno = WEXITSTATUS(status);
    return errno ? -1 : 0;
}

/* Of a child that shares our memory and becomes another program, which is no business of ours. */
static int after_vfork(void) {
    int status;
    pid_t child = vfork();
    if (!child) {
        become("other");
        _exit(99);
    }
    waitpid(child, &status, 0);
    return open_key();
}

static int after_nothing(void) {
    return after("nothing", ENOENT);
}

static int after_missing(void) {
    return after("missing", ENOENT);
}

static int after_text(void) {
    return after("text", ENOEXEC);
}

static int as_program(void) {
    return become("program");
}

static int as_other(void) {
    return become("other");
}

static int as_link(void) {
    return become("link");
}

static int as_chain(void) {
    return become("chain");
}

static int from_thread(void) {
    return in_thread(as_link);
}

/* Below so many folders that its name is longer than any that is kept. */
static int as_deep(void) {
    char folder[251] = {0};
    memset(folder, 'd', 250);
    need(chdir(getenv("DIR")), "chdir");
    for (int i = 0; i < 20; i++) {
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            need(-1, "mkdir");
        need(chdir(folder), "chdir");
    }
    int fd = need(open("tool", O_WRONLY | O_CREAT, 0755), "open");
    dprintf(fd, "#!%s/program\n", getenv("DIR"));
    close(fd);
    setenv("ONLY", "1", 1);
    return execl("./tool", "./tool", NULL);
}

static int until(const char *stop) {
    int before = -1;
    while (access(stop, F_OK) < 0) {
        int fd = open_key(), now = fd < 0 ? errno : 0;
        if (fd >= 0)
            close(fd);
        if (now != before)
            printf("%d\n", now);
        fflush(stdout);
        before = now;
        usleep(2000);
    }
    return 0;
}

int main(void) {
    static const struct way ways[] = {
        {"own", open_key},          {"thread", own_thread}, {"vfork", in_vfork},    {"nothing", after_nothing},
        {"missing", after_missing}, {"text", after_text},   {"after", after_vfork}, {"program", as_program},
        {"other", as_other},        {"link", as_link},      {"chain", as_chain},    {"from-thread", from_thread},
        {"deep", as_deep},
    };
    if (getenv("ONLY"))
        return open_key() < 0 ? errno : 0;
    if (getenv("UNTIL"))
        return until(getenv("UNTIL"));
    return try_all(ways, sizeof(ways) / sizeof(ways[0]) - (getenv("SHALLOW") ? 1 : 0));
}
