/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `agentgov-loader peer --fd N`: who is at the other end of the unix socket that was inherited as fd N, as
 * "PID UID GID\n". Node cannot ask that itself. Exit 1: nobody that still lives, or nobody that can be seen from this
 * pid namespace.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "subcommands.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* include/uapi/asm-generic/socket.h, since 6.5 */
#endif

/* The pid that a pidfd stands for, -1 when that process has been waited for (fdinfo of pidfds, since 5.2). */
static long pid_of(int pidfd) {
    char path[64], line[128];
    long pid = -1;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "Pid: %ld", &pid) == 1)
            break;
    fclose(file);
    return pid;
}

/*
 * A pid is used again when its process has gone; a pidfd is not. Where the kernel has one for the peer, it decides; an
 * older kernel leaves it to the caller to compare start times.
 */
static bool is_gone(int fd, pid_t pid) {
    int pidfd;
    socklen_t len = sizeof(pidfd);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) != 0)
        return errno != ENOPROTOOPT;
    return pid_of(pidfd) != pid;
}

int peer_main(int argc, char **argv) {
    struct ucred peer;
    socklen_t len = sizeof(peer);
    char *end = NULL;
    long fd = argc == 3 && strcmp(argv[1], "--fd") == 0 ? strtol(argv[2], &end, 10) : -1;
    if (fd < 0 || !end || *end) {
        fprintf(stderr, "usage: agentgov-loader peer --fd N\n");
        return EXIT_USAGE;
    }
    /* pid 0 is a process of another pid namespace. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || peer.pid <= 0 || is_gone(fd, peer.pid))
        return 1;
    printf("%d %u %u\n", peer.pid, peer.uid, peer.gid);
    return 0;
}
