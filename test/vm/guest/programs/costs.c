/* SPDX-License-Identifier: Apache-2.0 */
/*
 * costs FILE SCALE: how many ns of CPU it takes to open and close FILE, to run a program that does nothing and wait for
 * it, and to connect to this machine and be accepted. SCALE opens a round, and a tenth of the others; the rounds go by
 * turns. Prints a line of JSON, the ns of one in each round. Then it does one round more for each byte of its standard
 * input, and prints a line after it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5

static const char *file;
static int listener;
static struct sockaddr_in address = {.sin_family = AF_INET};

static void must(int good) {
    if (good)
        return;
    perror("costs");
    exit(1);
}

static void open_one(void) {
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    must(fd >= 0);
    close(fd);
}

static void exec_one(void) {
    char *argv[] = {"costs", NULL}, *envp[] = {NULL};
    int status;
    /* posix_spawn() would be 130 calls of sigaction() more, and three quarters of what is measured outside the tree. */
    pid_t pid = vfork();
    if (pid == 0) {
        execve("/usr/local/bin/costs", argv, envp);
        _exit(1);
    }
    must(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void connect_one(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    int peer = accept(listener, NULL, NULL);
    must(peer >= 0);
    close(fd);
    close(peer);
}

/* Of this process and of those that it has waited for: what others do meanwhile is theirs. */
static uint64_t used_ns(void) {
    struct timespec own;
    struct rusage theirs;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    getrusage(RUSAGE_CHILDREN, &theirs);
    uint64_t us = (theirs.ru_utime.tv_sec + theirs.ru_stime.tv_sec) * 1000000ULL;
    us += theirs.ru_utime.tv_usec + theirs.ru_stime.tv_usec;
    return own.tv_sec * 1000000000ULL + own.tv_nsec + us * 1000;
}

static const struct work {
    const char *name;
    void (*one)(void);
    int share;
} WORKS[] = {{"open", open_one, 1}, {"exec", exec_one, 10}, {"connect", connect_one, 10}};
#define WORKS_COUNT 3

static void round_of(int scale, uint64_t ns[WORKS_COUNT]) {
    for (int w = 0; w < WORKS_COUNT; w++) {
        int count = scale / WORKS[w].share;
        uint64_t begin = used_ns();
        for (int i = 0; i < count; i++)
            WORKS[w].one();
        ns[w] = (used_ns() - begin) / count;
    }
}

int main(int argc, char **argv) {
    if (argc == 1) /* the program that does nothing */
        return 0;
    socklen_t len = sizeof(address);
    uint64_t ns[ROUNDS + 1][WORKS_COUNT];
    int scale = argc == 3 ? atoi(argv[2]) : 0;
    must(scale >= 10);
    file = argv[1];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 16) == 0);
    must(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    for (int r = 0; r <= ROUNDS; r++) /* the first one warms up */
        round_of(scale, ns[r]);
    for (int w = 0; w < WORKS_COUNT; w++) {
        printf("%s\"%s\":[", w ? "," : "{", WORKS[w].name);
        for (int r = 1; r <= ROUNDS; r++)
            printf("%s%llu", r > 1 ? "," : "", (unsigned long long)ns[r][w]);
        printf("]");
    }
    printf("}\n");
    fflush(stdout);
    for (char byte; read(STDIN_FILENO, &byte, 1) == 1;) {
        round_of(scale, ns[0]);
        printf("done\n");
        fflush(stdout);
    }
    return 0;
}
