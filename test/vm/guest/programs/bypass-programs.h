/* Running what must not be run: DIR/secret/prog, which cannot be read either, and DIR/tools/run, which can. */
#ifndef BYPASS_PROGRAMS_H
#define BYPASS_PROGRAMS_H

#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "bypass-descriptors.h"

#define LOADER "/lib64/ld-linux-x86-64.so.2"

/*
 * What is run says so by its exit code, 42; failing to run it is its errno, and none where it was started and did
 * something else.
 */
static int ran(const char *path, char *const argv[], int fd) {
    int report[2], status, failed = 0;
    need(pipe2(report, O_CLOEXEC), "pipe");
    pid_t child = need(fork(), "fork");
    if (!child) {
        if (fd >= 0)
            syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
        else
            execv(path, argv);
        int err = errno;
        (void)!write(report[1], &err, sizeof(err));
        _exit(1);
    }
    close(report[1]);
    if (read(report[0], &failed, sizeof(failed)) != sizeof(failed))
        failed = 0;
    waitpid(child, &status, 0);
    errno = failed;
    return failed || !WIFEXITED(status) || WEXITSTATUS(status) != 42 ? -1 : 0;
}

static int run(const char *path) {
    char *argv[] = {(char *)path, "-c", "exit 42", NULL};
    return ran(path, argv, -1);
}

static int run_fd(int fd) {
    char *argv[] = {"prog", "-c", "exit 42", NULL};
    return ran(NULL, argv, fd);
}

static int run_by_loader(char *path) {
    char *argv[] = {LOADER, path, "-c", "exit 42", NULL};
    return ran(LOADER, argv, -1);
}

static int exec_plain(void) {
    return run(at("secret/prog"));
}
static int exec_symlink(void) {
    return run(at("prog-link"));
}
static int exec_script(void) {
    return run(at("allowed/script"));
}
static int exec_fd(void) {
    return run_fd(named("secret/prog"));
}
static int exec_by_loader(void) {
    return run_by_loader(at("secret/prog"));
}

static int map_code(void) {
    int fd = open(at("secret/prog"), O_RDONLY);
    return fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static int tool_plain(void) {
    return run(at("tools/run"));
}
static int tool_fd(void) {
    return run_fd(named("tools/run"));
}
static int tool_by_loader(void) {
    return run_by_loader(at("tools/run"));
}

static void *tool_mapping(int prot) {
    return mmap(NULL, 4096, prot, MAP_PRIVATE, need(open(at("tools/run"), O_RDONLY), "open"), 0);
}

static int tool_mapped(void) {
    return tool_mapping(PROT_READ | PROT_EXEC) == MAP_FAILED ? -1 : 0;
}

static int tool_protected(void) { /* first only to be read */
    void *code = tool_mapping(PROT_READ);
    need(code == MAP_FAILED ? -1 : 0, "mmap");
    return mprotect(code, 4096, PROT_READ | PROT_EXEC);
}

/* Whether memory may be run, by the kernel's own list. */
static int may_run(void *memory) {
    char line[512], mode[5] = "";
    unsigned long from, found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    need(maps ? 0 : -1, "maps");
    while (!found && fgets(line, sizeof(line), maps))
        found = sscanf(line, "%lx-%*x %4s", &from, mode) == 2 && from == (unsigned long)memory;
    errno = 0;
    return mode[2] == 'x' ? 0 : -1;
}

/* To a process of this personality the kernel gives whatever it may read to be run as well. */
static int tool_implied(void) {
    need(personality(READ_IMPLIES_EXEC), "personality");
    void *code = tool_mapping(PROT_READ);
    return code == MAP_FAILED ? -1 : may_run(code);
}

static int tool_implied_later(void) {
    void *code = tool_mapping(PROT_NONE);
    need(code == MAP_FAILED ? -1 : 0, "mmap");
    need(personality(READ_IMPLIES_EXEC), "personality");
    return mprotect(code, 4096, PROT_READ) ? -1 : may_run(code);
}

#endif
