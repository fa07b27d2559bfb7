/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "child.h"
#include "provocations.h"

#define DNS_PORT 53

static void provoke_files(void) {
    int fd = open("a", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    (void)!truncate("a", 0);
    (void)!chmod("a", 0640);
    (void)!chown("a", getuid(), getgid());
    (void)!link("a", "b");
    (void)!rename("b", "c");
    (void)!symlink("a", "d");
    (void)!mkdir("e", 0700);
    (void)!mkfifo("f", 0600);
    (void)!rmdir("e");
    static const char *const LEFT[] = {"a", "c", "d", "f"};
    for (size_t i = 0; i < sizeof(LEFT) / sizeof(LEFT[0]); i++)
        (void)!unlink(LEFT[i]);
}

static struct sockaddr_in loopback(const char *ip, int port) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &in.sin_addr);
    return in;
}

static void provoke_tcp(void) {
    struct sockaddr_in at = loopback("127.0.0.1", 0);
    socklen_t len = sizeof(at);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)!bind(server, (void *)&at, sizeof(at));
    (void)!listen(server, 1);
    getsockname(server, (void *)&at, &len);
    (void)!connect(client, (void *)&at, sizeof(at));
    int accepted = accept(server, NULL, NULL);
    close(client);
    close(accepted);
    close(server);
}

/* A name server of our own, on an address of the loopback network that no real one uses. */
static void provoke_dns(void) {
    struct sockaddr_in at = loopback("127.53.213.7", DNS_PORT), from;
    socklen_t len = sizeof(from);
    static const char QUERY[] = "agentgov";
    char byte[16];
    int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    /* Even on loopback a busy machine delivers later: wait for both ways, but not for ever. */
    struct timeval patience = {.tv_sec = 2};
    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (bind(server, (void *)&at, sizeof(at)) == 0 && sendto(client, QUERY, 8, 0, (void *)&at, sizeof(at)) == 8 &&
        recvfrom(server, byte, sizeof(byte), 0, (void *)&from, &len) == 8 &&
        sendto(server, QUERY, 8, 0, (void *)&from, len) == 8)
        (void)!recv(client, byte, sizeof(byte), 0);
    close(server);
    close(client);
}

static void provoke_exec(void) {
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        execl("/proc/self/exe", "agentgov-loader", "version", (char *)NULL);
        _exit(1);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static int provoke_all(const void *folder) {
    if (chdir(folder))
        return 1;
    provoke_exec();
    provoke_files();
    provoke_tcp();
    provoke_dns();
    /* The system call itself: the C library would leave out what changes nothing. */
    (void)!syscall(SYS_setresuid, -1, -1, -1);
    kill(getppid(), SIGURG); /* out of the tree; ignored where it arrives */
    return 0;
}

pid_t provocations_start(const char *folder, int *go) {
    return child_start(provoke_all, folder, go);
}
