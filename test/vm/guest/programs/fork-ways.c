/*
 * Makes processes and threads in every way: fork-ways DIR NAME.
 *
 * Each of them creates DIR/NAME-way. The record on stdout, one line each, is the oracle:
 *   made WAY PID TID      who created the file, in the pid namespace of the first process
 *   forked PID            a process that came to be
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *dir, *name, *self;

static void must(long result, const char *what) {
    if (result >= 0)
        return;
    perror(what);
    exit(1);
}

static void create(const char *way) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s-%s", dir, name, way);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    must(fd, path);
    close(fd);
}

/* One write a line: all of them share the pipe. */
static void say(const char *format, ...) {
    char line[256];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    must(write(STDOUT_FILENO, line, length), "write");
}

static void work(const char *way) {
    create(way);
    say("made %s %d %d\n", way, getpid(), gettid());
}

static void wait_for(pid_t pid) {
    int status;
    must(waitpid(pid, &status, __WALL), "waitpid");
    if (status)
        exit(1);
}

static void become(const char *way) {
    execl(self, self, dir, name, way, NULL);
    _exit(127);
}

static void by_fork(void) {
    pid_t child = fork();
    must(child, "fork");
    if (!child) {
        say("forked %d\n", getpid());
        work("fork");
        _exit(0);
    }
    wait_for(child);
}

static void by_vfork(void) {
    pid_t child = vfork();
    must(child, "vfork");
    if (!child)
        become("vfork-exec");
    say("forked %d\n", child);
    wait_for(child);
}

static void by_clone3(void) {
    struct clone_args args = {.exit_signal = SIGCHLD};
    pid_t child = syscall(SYS_clone3, &args, sizeof(args));
    must(child, "clone3");
    if (!child) {
        say("forked %d\n", getpid());
        work("clone3");
        _exit(0);
    }
    wait_for(child);
}

static void *in_thread(void *way) {
    work(way);
    return NULL;
}

static void by_thread(void) {
    pthread_t thread;
    must(-pthread_create(&thread, NULL, in_thread, "thread"), "pthread_create");
    pthread_join(thread, NULL);
}

static void *exec_in_thread(void *way) {
    become(way);
    return NULL;
}

/* A thread that is not the leader execs: it takes the leader's pid, and the leader is gone. */
static void by_thread_exec(void) {
    pid_t child = fork();
    must(child, "fork");
    if (!child) {
        pthread_t thread;
        say("forked %d\n", getpid());
        must(-pthread_create(&thread, NULL, exec_in_thread, "thread-exec"), "pthread_create");
        pthread_join(thread, NULL);
        _exit(1);
    }
    wait_for(child);
}

static void *fork_in_thread(void *unused) {
    (void)unused;
    pid_t child = fork();
    must(child, "fork");
    if (!child) {
        say("forked %d\n", getpid());
        work("thread-fork");
        _exit(0);
    }
    wait_for(child);
    return NULL;
}

static void by_thread_fork(void) {
    pthread_t thread;
    must(-pthread_create(&thread, NULL, fork_in_thread, NULL), "pthread_create");
    pthread_join(thread, NULL);
}

/* As a daemon does: its parent and its session are gone before it does anything. */
static void by_double_fork(void) {
    int gone[2];
    must(pipe(gone), "pipe");
    pid_t child = fork();
    must(child, "fork");
    if (!child) {
        say("forked %d\n", getpid());
        setsid();
        if (fork() == 0) {
            char byte;
            say("forked %d\n", getpid());
            signal(SIGHUP, SIG_IGN);
            must(chdir("/"), "chdir");
            close(gone[1]);
            must(read(gone[0], &byte, 1), "read");
            work("daemon");
        }
        _exit(0);
    }
    wait_for(child);
    close(gone[1]);
    close(gone[0]);
}

/* The pid that it sees for itself is 1. */
static void by_pid_namespace(void) {
    struct clone_args args = {.flags = CLONE_NEWPID, .exit_signal = SIGCHLD};
    pid_t child = syscall(SYS_clone3, &args, sizeof(args));
    must(child, "clone3 with a pid namespace");
    if (!child) {
        create("pid-namespace");
        _exit(getpid() == 1 ? 0 : 1);
    }
    say("forked %d\nmade pid-namespace %d %d\n", child, child, child);
    wait_for(child);
}

/* Its parent is the parent of the one that made it. */
static void by_clone_parent(void) {
    pid_t child = fork();
    must(child, "fork");
    if (!child) {
        struct clone_args args = {.flags = CLONE_PARENT};
        say("forked %d\n", getpid());
        pid_t sibling = syscall(SYS_clone3, &args, sizeof(args));
        must(sibling, "clone3 with CLONE_PARENT");
        if (!sibling) {
            say("forked %d\n", getpid());
            work("clone-parent");
        }
        _exit(0);
    }
    wait_for(child);
    while (waitpid(-1, NULL, __WALL) > 0)
        ;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    self = argv[0];
    dir = argv[1];
    name = argv[2];
    if (argc > 3) {
        work(argv[3]);
        return 0;
    }
    by_fork();
    by_vfork();
    by_clone3();
    by_thread();
    by_thread_exec();
    by_thread_fork();
    by_double_fork();
    by_pid_namespace();
    by_clone_parent();
    return 0;
}
