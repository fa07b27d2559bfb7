/*
 * Ways to run what the tree itself wrote: written DIR runs each in a child of its own and prints a line "WAY ERRNO
 * PID", 0 where it ran. DIR/tool is a shell that was there before, DIR/lib.so a library, DIR/script a script whose #!
 * line names DIR/interpreter, which is not there; DIR/target is what a policy excepts. Outside the tree, `written give
 * DIR` hands over DIR/given, open for writing, and `written hold DIR` has DIR/held open so before it is governed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdlib.h>
#pragma GCC diagnostic ignored "-Wunused-function" /* the headers are those of bypass.c, which needs all of them */
#pragma GCC diagnostic ignored "-Wunused-variable"
#include "bypass-programs.h"
#include "bypass-rings.h"

/* The tool's bytes, into a descriptor that can write. */
static int filled(int to) {
    struct stat st;
    int from = need(open(at("tool"), O_RDONLY), "open tool");
    need(fstat(from, &st), "fstat");
    need(sendfile(to, from, NULL, st.st_size) == st.st_size ? 0 : -1, "sendfile");
    return to;
}

static int fresh(const char *name) {
    return need(open(at(name), O_RDWR | O_CREAT | O_EXCL, 0755), "create");
}

/* A copy of the tool as DIR/name. */
static char *made(const char *name) {
    close(filled(fresh(name)));
    return at(name);
}

static void put(const char *name, const char *text) {
    int fd = fresh(name);
    need(write(fd, text, strlen(text)), "write");
    close(fd);
}

static int ready(void) { /* nothing of it was written: it runs */
    return run(at("tool"));
}

static int copied(void) {
    return run(made("copied"));
}
static int by_loader(void) {
    return run_by_loader(made("by_loader"));
}
static int excepted(void) {
    return run(made("target/excepted"));
}

static int moved_out(void) { /* what was written where it may be run, somewhere else */
    made("target/moved");
    need(rename(at("target/moved"), at("moved")), "rename");
    return run(at("moved"));
}

static int renamed_over(void) {
    made("over.new");
    need(rename(at("over.new"), at("over")), "rename");
    return run(at("over"));
}

static int changed(void) { /* one byte behind the end of what others have written */
    int fd = need(open(at("changed"), O_WRONLY | O_APPEND), "open");
    need(write(fd, "", 1), "write");
    close(fd);
    return run(at("changed"));
}

static int hard_link_to(void) {
    made("link.new");
    need(link(at("link.new"), at("link")), "link");
    need(unlink(at("link.new")), "unlink");
    return run(at("link"));
}

static int script(void) {
    char text[8192];
    snprintf(text, sizeof(text), "#!%s\nexit 42\n", at("tool"));
    put("own-script", text);
    return run(at("own-script"));
}

static int interpreter(void) { /* of a script that was there before */
    made("interpreter");
    return run(at("script"));
}

static int by_memfd(void) {
    return run_fd(filled(need(memfd_create("tool", MFD_CLOEXEC), "memfd_create")));
}

static int deleted(void) {
    int fd = need(open(made("deleted"), O_RDONLY | O_CLOEXEC), "open");
    need(unlink(at("deleted")), "unlink");
    return run_fd(fd);
}

static int tmpfile_linked(void) {
    int fd = need(open(dir, O_TMPFILE | O_RDWR, 0755), "O_TMPFILE");
    filled(fd);
    need(linkat(AT_FDCWD, proc_of(fd), AT_FDCWD, at("tmpfile"), AT_SYMLINK_FOLLOW), "linkat");
    close(fd);
    return run(at("tmpfile"));
}

static int by_mapping(void) {
    struct stat st;
    int from = need(open(at("tool"), O_RDONLY), "open"), to = fresh("mapping");
    need(fstat(from, &st), "fstat");
    need(ftruncate(to, st.st_size), "ftruncate");
    char *memory = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
    need(memory == MAP_FAILED ? -1 : 0, "mmap");
    close(to);
    need(pread(from, memory, st.st_size, 0) == st.st_size ? 0 : -1, "pread");
    munmap(memory, st.st_size);
    return run(at("mapping"));
}

static int by_ring(void) { /* opened and written by a ring */
    static char bytes[1 << 20];
    int n = need(read(need(open(at("tool"), O_RDONLY), "open"), bytes, sizeof(bytes)), "read");
    int fd = need(rung(0, (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
                                                .fd = AT_FDCWD,
                                                .addr = (uint64_t)at("by_ring"),
                                                .len = 0755,
                                                .open_flags = O_WRONLY | O_CREAT | O_EXCL}),
                  "open by ring");
    need(rung(0, (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = fd, .addr = (uint64_t)bytes, .len = n}) == n
             ? 0
             : -1,
         "write by ring");
    close(fd);
    return run(at("by_ring"));
}

static int handed_over(void) { /* it was opened outside the tree */
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct fd_message m = {0};
    int s = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), fd;
    snprintf(to.sun_path, sizeof(to.sun_path), "%s/giver", dir);
    need(connect(s, (void *)&to, sizeof(to)), "connect");
    need(recvmsg(s, fd_message(&m), 0), "recvmsg");
    struct cmsghdr *head = CMSG_FIRSTHDR(&m.msg);
    need(head ? 0 : -1, "SCM_RIGHTS");
    memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    close(filled(fd));
    need(write(s, "x", 1), "write");
    char byte;
    need(read(s, &byte, 1), "read"); /* until the giver has closed it too: what is open for writing is not run */
    return run(at("given"));
}

static int preloaded(void) {
    char preload[8192],
        list[] = "while read -r line; do case $line in *r-xp*own.so) exit 42;; esac; done < /proc/self/maps";
    char *argv[] = {at("tool"), "-c", list, NULL};
    int from = need(open(at("lib.so"), O_RDONLY), "open"), to = fresh("own.so");
    while (need(syscall(SYS_copy_file_range, from, NULL, to, NULL, 1 << 30, 0), "copy_file_range") > 0)
        ;
    close(to);
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", at("own.so"));
    need(putenv(preload), "putenv");
    return ran(argv[0], argv, -1);
}

static int mapped(void) { /* as dlopen does */
    int fd = need(open(made("mapped"), O_RDONLY), "open");
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static int protected_later(void) {
    int fd = need(open(made("protected"), O_RDONLY), "open");
    void *code = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    need(code == MAP_FAILED ? -1 : 0, "mmap");
    return mprotect(code, 4096, PROT_READ | PROT_EXEC);
}

static int replaced_by_others(void) { /* under the name of what was written lies another file by now */
    struct stat st;
    made("replaced");
    put("replaced.ready", "");
    for (int i = 0; i < 6000 && stat(at("replaced.done"), &st); i++)
        usleep(10000);
    need(stat(at("replaced.done"), &st), "stat");
    return run(at("replaced"));
}

static const struct way WAYS[] = {
    {"ready", ready},
    {"excepted", excepted},
    {"replaced_by_others", replaced_by_others},
    {"copied", copied},
    {"by_loader", by_loader},
    {"moved_out", moved_out},
    {"renamed_over", renamed_over},
    {"changed", changed},
    {"hard_link_to", hard_link_to},
    {"script", script},
    {"interpreter", interpreter},
    {"by_memfd", by_memfd},
    {"deleted", deleted},
    {"tmpfile_linked", tmpfile_linked},
    {"by_mapping", by_mapping},
    {"by_ring", by_ring},
    {"handed_over", handed_over},
    {"preloaded", preloaded},
    {"mapped", mapped},
    {"protected_later", protected_later},
};

/* Not governed: hands out DIR/given, open for writing, and waits until it has been filled. */
_Noreturn static void hand_over(void) {
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    snprintf(own.sun_path, sizeof(own.sun_path), "%s/giver", dir);
    int s = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    need(bind(s, (void *)&own, sizeof(own)), "bind");
    need(listen(s, 8), "listen");
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct fd_message m = {0};
        char byte;
        int peer = need(accept(s, NULL, NULL), "accept");
        int fd = need(open(at("given"), O_RDWR | O_CREAT | O_TRUNC, 0755), "open given");
        struct msghdr *msg = fd_message(&m);
        m.control.head =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&m.control.head), &fd, sizeof(fd));
        sendmsg(peer, msg, MSG_NOSIGNAL);
        close(fd);
        (void)!read(peer, &byte, 1);
        (void)!write(peer, "x", 1);
        close(peer);
    }
}

static int held(void) {
    return run(at("held"));
}

/* With the first line writes into what it has open since before it was governed; with each tries to run that. */
static int hold(void) {
    static const struct way ways[] = {{"held", held}};
    char byte;
    int fd = fresh("held");
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) == 1) {
        if (fd >= 0)
            close(filled(fd));
        fd = -1;
        try_all(ways, 1);
    }
    return 0;
}

int main(int argc, char **argv) {
    bool gives = argc == 3 && !strcmp(argv[1], "give"), holds = argc == 3 && !strcmp(argv[1], "hold");
    if (argc < 2)
        return 2;
    dir = argv[argc - 1];
    if (gives)
        hand_over();
    return holds ? hold() : try_all(WAYS, sizeof(WAYS) / sizeof(WAYS[0]));
}
