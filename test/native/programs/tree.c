/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree RECORD DIR CHILDREN: leaves its parent in every way that Linux has. Each process of the tree says who it is:
 *
 *   proc ROLE PID PARENT START_TICKS INNER_PID    then it creates DIR/ROLE-PID, which only it may be blamed for
 *   thread PID TID                                a thread that creates DIR/thread-TID
 *   quick PID PARENT STATUS                       a child that did nothing but end; STATUS is its code, or -signal
 *   exit ROLE PID STATUS
 *
 * The root ends last: every descendant holds the write end of a pipe that it reads to its end.
 */
#include "common.h"
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>

#define ALIVE_FD 101
#define QUICK_THREADS 4
#define REUSES 5
#define REUSED_PID 300

static const char *self_exe, *dir;
extern char **environ;

static void present(const char *role, pid_t parent) {
    pid_t self = host_pid();
    char path[4096];
    record("proc %s %d %d %ld %d", role, self, parent, start_ticks(), getpid());
    snprintf(path, sizeof path, "%s/%s-%d", dir, role, self);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd < 0)
        die(path);
    close(fd);
}

static int status_of(int status) {
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void wait_for(const char *role, pid_t child) {
    int status;
    if (waitpid(child, &status, 0) != child)
        die("waitpid");
    record("exit %s %d %d", role, child, status_of(status));
}

static pid_t checked(pid_t child) {
    if (child < 0)
        die("fork");
    return child;
}

static void become_leaf(const char *role, pid_t parent) {
    char text[16];
    snprintf(text, sizeof text, "%d", parent);
    execl(self_exe, self_exe, "--leaf", role, text, dir, (char *)0);
    _exit(HELPER_FAILED);
}

static void double_fork(void) {
    pid_t root = getpid();
    pid_t middle = checked(fork());
    if (middle == 0) {
        present("double-middle", root);
        setsid();
        pid_t parent = getpid();
        if (checked(fork()) == 0) {
            while (getppid() == parent)
                usleep(1000);
            present("double-orphan", parent);
            become_leaf("double-leaf", parent);
        }
        _exit(3);
    }
    wait_for("double-middle", middle);
}

static void new_session(void) {
    pid_t root = getpid();
    pid_t child = checked(fork());
    if (child == 0) {
        if (setsid() < 0)
            die("setsid");
        present("setsid", root);
        _exit(4);
    }
    wait_for("setsid", child);
}

static void daemonise(void) {
    pid_t root = getpid();
    pid_t launcher = checked(fork());
    if (launcher == 0) {
        present("daemon-launcher", root);
        pid_t parent = getpid();
        if (daemon(1, 1) < 0)
            die("daemon");
        present("daemon", parent);
        _exit(0);
    }
    wait_for("daemon-launcher", launcher);
}

static void no_hangup(void) {
    pid_t shell = checked(fork());
    if (shell == 0) {
        execl("/bin/sh", "sh", "-c", "nohup \"$0\" --leaf nohup $$ \"$1\" >/dev/null 2>&1 &", self_exe, dir, (char *)0);
        _exit(HELPER_FAILED);
    }
    wait_for("nohup-shell", shell);
}

static void vfork_exec(void) {
    pid_t root = getpid();
    pid_t child = vfork();
    if (child == 0)
        become_leaf("vfork-leaf", root);
    wait_for("vfork-leaf", checked(child));

    char parent[16];
    snprintf(parent, sizeof parent, "%d", root);
    char *argv[] = {(char *)self_exe, "--leaf", "spawn-leaf", parent, (char *)dir, 0};
    if (posix_spawn(&child, self_exe, 0, 0, argv, environ))
        die("posix_spawn");
    wait_for("spawn-leaf", child);
}

static void *exec_from_thread(void *parent) {
    become_leaf("thread-exec", (pid_t)(intptr_t)parent);
    return 0;
}

static void thread_exec(void) {
    pid_t root = getpid();
    pid_t child = checked(fork());
    if (child == 0) {
        pthread_t thread;
        present("thread-exec-before", root);
        if (pthread_create(&thread, 0, exec_from_thread, (void *)(intptr_t)root))
            die("pthread_create");
        for (;;)
            pause();
    }
    wait_for("thread-exec", child);
}

static void *open_from_thread(void *unused) {
    char path[4096];
    pid_t tid = gettid();
    record("thread %d %d", getpid(), tid);
    snprintf(path, sizeof path, "%s/thread-%d", dir, tid);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd < 0)
        die(path);
    close(fd);
    return unused;
}

static void threads(void) {
    pthread_t all[QUICK_THREADS];
    for (int i = 0; i < QUICK_THREADS; i++)
        if (pthread_create(&all[i], 0, open_from_thread, 0))
            die("pthread_create");
    for (int i = 0; i < QUICK_THREADS; i++)
        pthread_join(all[i], 0);
}

/* The leader ends first: the process is not over, and it ends with the code of the thread that ends it. */
static void *outlive_leader(void *parent) {
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    while (state != 'Z') {
        char text[256] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
            die(path);
        close(fd);
        state = strrchr(text, ')')[2];
    }
    present("leader-gone", (pid_t)(intptr_t)parent);
    pid_t self = getpid();
    pid_t child = checked(fork());
    if (child == 0) {
        present("leader-gone-child", self);
        _exit(0);
    }
    wait_for("leader-gone-child", child);
    _exit(7);
}

static void leader_exit(void) {
    pid_t root = getpid();
    pid_t child = checked(fork());
    if (child == 0) {
        pthread_t thread;
        if (pthread_create(&thread, 0, outlive_leader, (void *)(intptr_t)root))
            die("pthread_create");
        syscall(SYS_exit, 0);
    }
    wait_for("leader-gone", child);
}

static pid_t clone3(uint64_t flags, int signal) {
    struct clone_args args = {.flags = flags, .exit_signal = signal};
    return checked(syscall(SYS_clone3, &args, sizeof args));
}

static void clone3_variants(void) {
    pid_t root = getpid();
    pid_t child = clone3(0, SIGCHLD);
    if (child == 0) {
        present("clone3", root);
        _exit(5);
    }
    wait_for("clone3", child);

    /* A sibling, not a child: its parent is ours. */
    pid_t middle = checked(fork());
    if (middle == 0) {
        present("clone-parent-caller", root);
        if (clone3(CLONE_PARENT, 0) == 0) {
            present("clone-parent", root);
            _exit(6);
        }
        _exit(0);
    }
    wait_for("clone-parent-caller", middle);
    int status;
    pid_t sibling = waitpid(-1, &status, __WALL);
    record("exit clone-parent %d %d", sibling, status_of(status));
}

/* One inner pid again and again: a new namespace lets us choose the next one. Host pids are not touched. */
static void inner_pid_reuse(void) {
    pid_t root = getpid();
    pid_t init = clone3(CLONE_NEWPID, SIGCHLD);
    if (init == 0) {
        present("inner-init", root);
        pid_t parent = host_pid();
        for (int i = 0; i < REUSES; i++) {
            int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
            if (fd < 0 || dprintf(fd, "%d", REUSED_PID - 1) < 0)
                die("ns_last_pid");
            close(fd);
            pid_t child = checked(fork());
            if (child == 0) {
                present("inner-reuse", parent);
                _exit(getpid() == REUSED_PID ? 0 : HELPER_FAILED);
            }
            int status;
            if (waitpid(child, &status, 0) != child || status)
                die("inner-reuse");
        }
        _exit(0);
    }
    wait_for("inner-init", init);
}

static int quick_each;

static void *quick_children(void *unused) {
    for (int i = 0; i < quick_each; i++) {
        pid_t child = checked(fork());
        if (child == 0) {
            if (i % 13 == 0)
                kill(getpid(), SIGKILL);
            _exit(i & 0x7f);
        }
        int status;
        if (waitpid(child, &status, 0) != child)
            die("waitpid");
        record("quick %d %d %d", child, getpid(), status_of(status));
    }
    return unused;
}

static void quick(int children) {
    pthread_t all[QUICK_THREADS];
    quick_each = children / QUICK_THREADS;
    for (int i = 0; i < QUICK_THREADS; i++)
        if (pthread_create(&all[i], 0, quick_children, 0))
            die("pthread_create");
    for (int i = 0; i < QUICK_THREADS; i++)
        pthread_join(all[i], 0);
}

int main(int argc, char **argv) {
    if (argc == 5 && !strcmp(argv[1], "--leaf")) {
        dir = argv[4];
        present(argv[2], atoi(argv[3]));
        return 9;
    }
    if (argc != 4)
        die("usage: tree RECORD DIR CHILDREN");
    self_exe = realpath(argv[0], 0);
    dir = argv[2];
    record_to(argv[1]);
    int alive[2];
    if (pipe(alive) || dup2(alive[1], ALIVE_FD) < 0)
        die("pipe");
    close(alive[1]);
    fcntl(alive[0], F_SETFD, FD_CLOEXEC);

    present("root", getppid());
    double_fork();
    new_session();
    daemonise();
    no_hangup();
    vfork_exec();
    thread_exec();
    threads();
    leader_exit();
    clone3_variants();
    inner_pid_reuse();
    quick(atoi(argv[3]));

    char byte;
    close(ALIVE_FD);
    if (read(alive[0], &byte, 1) != 0)
        die("a descendant wrote into the pipe");
    return 0;
}
