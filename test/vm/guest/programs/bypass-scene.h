/* The folder that the ways are about: bypass.mjs makes it. */
#ifndef BYPASS_SCENE_H
#define BYPASS_SCENE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/types.h>
#include <unistd.h>
#include "ways.h"

/* Of a process outside the tree that has DIR/secret/key open, and as which descriptor. */
#define GIVEN_FD 50
#define GIVEN_ATTR "trusted.given" /* that the same one has set */
#define ACL "system.posix_acl_access"

static const char *dir;
static int port;
static pid_t outsider;

/* DIR/name, in one of some buffers. */
static char *at(const char *name) {
    static char paths[4][8192];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

/* What is open leads there when it can be read. */
static int reads(int fd) {
    char byte;
    return fd < 0 || read(fd, &byte, 1) != 1 ? -1 : 0;
}

static int opened(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    return (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY ? reads(fd) : fd < 0 ? -1 : 0;
}

static void own_mounts(void) {
    need(unshare(CLONE_NEWNS), "unshare");
    need(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "make private");
}

#endif
