/*
 * Makes calls that fail: failing-calls DIR NAME PORT. The record on stdout, one line each, is the oracle:
 *   EVENT SYSCALL ERRNO PATH         PATH is absolute, or - when there is none
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *dir, *name;

static const char *in_dir(const char *what) {
    static char path[4096];
    snprintf(path, sizeof(path), "%s/%s-%s", dir, name, what);
    return path;
}

static void failed(const char *event, const char *call, long result, const char *path) {
    if (result >= 0) {
        fprintf(stderr, "%s %s did not fail\n", call, path);
        exit(1);
    }
    printf("%s %s %d %s\n", event, call, errno, path);
}

/* Raw calls: a C library may choose another one than its function is called. */
static long sys_open(const char *path, int flags) {
    return syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    dir = argv[1];
    name = argv[2];

    failed("file_open", "openat", sys_open(in_dir("missing"), O_RDONLY), in_dir("missing"));
    failed("file_open", "open", syscall(SYS_open, in_dir("missing-too"), O_RDONLY), in_dir("missing-too"));
    failed("file_open", "openat", sys_open(in_dir("file/below"), O_RDONLY), in_dir("file/below"));
    failed("file_open", "openat", sys_open(in_dir("folder"), O_WRONLY), in_dir("folder"));
    failed("file_open", "openat", sys_open(in_dir("loop"), O_RDONLY), in_dir("loop"));
    failed("file_open", "openat", sys_open(in_dir("file"), O_RDWR | O_CREAT | O_EXCL), in_dir("file"));
    failed("file_delete", "unlink", syscall(SYS_unlink, in_dir("no-such")), in_dir("no-such"));
    failed("file_delete", "rmdir", syscall(SYS_rmdir, in_dir("no-folder")), in_dir("no-folder"));
    failed("file_create", "mkdir", syscall(SYS_mkdir, in_dir("folder"), 0700), in_dir("folder"));
    failed("file_attr", "chmod", syscall(SYS_chmod, in_dir("no-mode"), 0700), in_dir("no-mode"));
    char other[4096];
    strcpy(other, in_dir("other"));
    failed("file_rename", "rename", syscall(SYS_rename, in_dir("no-source"), other), in_dir("no-source"));
    failed("file_link", "link", syscall(SYS_link, in_dir("no-link-source"), other), in_dir("no-link-source"));

    /* Relative to a folder that the process is in, and to one that it holds. */
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    char relative[300];
    snprintf(relative, sizeof(relative), "%s-dirfd", name);
    failed("file_open", "openat", syscall(SYS_openat, fd, relative, O_RDONLY), in_dir("dirfd"));

    /* Permission is refused to somebody who is not root only. */
    if (setgid(1000) || setuid(1000))
        return 1;
    failed("file_open", "openat", sys_open(in_dir("secret"), O_RDONLY), in_dir("secret"));

    char *none[] = {NULL};
    failed("process_exec", "execve", syscall(SYS_execve, in_dir("no-program"), none, none), in_dir("no-program"));
    failed("process_exec", "execve", syscall(SYS_execve, in_dir("file"), none, none), in_dir("file"));

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int sock = socket(AF_INET, SOCK_STREAM, 0);
    failed("network_connect", "connect", connect(sock, (struct sockaddr *)&address, sizeof(address)), "-");
    return 0;
}
