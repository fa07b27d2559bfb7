/* Running what the tree itself wrote. DIR/allowed/shell was there before, and may be read and run. */
#ifndef BYPASS_WRITTEN_H
#define BYPASS_WRITTEN_H

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "bypass-descriptors.h"
#include "bypass-programs.h"
#include "bypass-rings.h"

/* The shell's bytes, into a descriptor that can write. */
static int filled(int to) {
    struct stat st;
    int from = need(open(at("allowed/shell"), O_RDONLY), "open shell");
    need(fstat(from, &st), "fstat");
    need(sendfile(to, from, NULL, st.st_size) == st.st_size ? 0 : -1, "sendfile");
    return to;
}

static int fresh(const char *name) {
    return need(open(at(name), O_RDWR | O_CREAT | O_EXCL, 0755), "create");
}

/* A copy of the shell as DIR/name. */
static char *made(const char *name) {
    close(filled(fresh(name)));
    return at(name);
}

static void put(const char *name, const char *text) {
    int fd = fresh(name);
    need(write(fd, text, strlen(text)), "write");
    close(fd);
}

static int own_copy(void) {
    return run(made("allowed/own-copy"));
}
static int own_by_loader(void) {
    return run_by_loader(made("allowed/own-by-loader"));
}

static int own_symlink(void) {
    need(symlink(made("allowed/own-linked-to"), at("allowed/own-symlink")), "symlink");
    return run(at("allowed/own-symlink"));
}

static int own_renamed(void) {
    need(rename(made("allowed/own-old"), at("allowed/own-new")), "rename");
    return run(at("allowed/own-new"));
}

static int own_linked(void) {
    need(link(made("allowed/own-first"), at("allowed/own-second")), "link");
    need(unlink(at("allowed/own-first")), "unlink");
    return run(at("allowed/own-second"));
}

/* Under the names of programs that may be run. */
static int own_over(void) {
    need(rename(made("allowed/own-over"), at("allowed/replaced")), "rename");
    return run(at("allowed/replaced"));
}

static int own_exchanged(void) {
    char *own = made("allowed/own-exchanged"), *other = at("allowed/exchanged");
    need(syscall(SYS_renameat2, AT_FDCWD, own, AT_FDCWD, other, 2), "exchange");
    return run(other);
}

static int own_bound(void) {
    own_mounts();
    need(mount(made("allowed/own-bound"), at("allowed/shell"), NULL, MS_BIND, NULL), "bind");
    return run(at("allowed/shell"));
}

static int own_changed(void) { /* one byte behind the end of what others have written */
    int fd = need(open(at("allowed/changed"), O_WRONLY | O_APPEND), "open");
    need(write(fd, "", 1), "write");
    close(fd);
    return run(at("allowed/changed"));
}

static int own_tmpfs(void) {
    own_mounts();
    need(mount("tmpfs", at("allowed/mount"), "tmpfs", 0, NULL), "mount");
    int fd = open(at("allowed/mount/own"), O_WRONLY | O_CREAT, 0755);
    if (fd < 0)
        return -1;
    close(filled(fd));
    return run(at("allowed/mount/own"));
}

static int own_script(void) {
    char text[8192];
    snprintf(text, sizeof(text), "#!%s\nexit 42\n", at("allowed/shell"));
    put("allowed/own-script", text);
    return run(at("allowed/own-script"));
}

static int own_interpreter(void) { /* of a script that was there before */
    made("allowed/interpreter");
    return run(at("allowed/script-of-own"));
}

static int own_read_by_shell(void) {
    char *argv[] = {at("allowed/shell"), at("allowed/own-text"), NULL};
    put("allowed/own-text", "exit 42\n");
    return ran(argv[0], argv, -1);
}

static int own_memfd_fd(void) {
    return filled(need(memfd_create("own", MFD_CLOEXEC), "memfd_create"));
}
static int own_memfd(void) {
    return run_fd(own_memfd_fd());
}

static int own_deleted(void) {
    char *path = made("allowed/own-deleted");
    int fd = need(open(path, O_RDONLY), "open");
    need(unlink(path), "unlink");
    return run(proc_of(fd));
}

static int own_tmpfile(void) {
    int fd = filled(need(open(at("allowed"), O_TMPFILE | O_RDWR, 0755), "O_TMPFILE"));
    need(linkat(AT_FDCWD, proc_of(fd), AT_FDCWD, at("allowed/own-tmpfile"), AT_SYMLINK_FOLLOW), "linkat");
    close(fd);
    return run(at("allowed/own-tmpfile"));
}

static int own_shared(void) { /* written by a shared mapping, the descriptor closed */
    struct stat st;
    int from = need(open(at("allowed/shell"), O_RDONLY), "open"), to = fresh("allowed/own-shared");
    need(fstat(from, &st), "fstat");
    need(ftruncate(to, st.st_size), "ftruncate");
    char *memory = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
    need(memory == MAP_FAILED ? -1 : 0, "mmap");
    close(to);
    need(pread(from, memory, st.st_size, 0) == st.st_size ? 0 : -1, "pread");
    munmap(memory, st.st_size);
    return run(at("allowed/own-shared"));
}

static int own_by_ring(void) { /* opened and written by a ring */
    static char bytes[1 << 20];
    int n = need(read(need(open(at("allowed/shell"), O_RDONLY), "open"), bytes, sizeof(bytes)), "read");
    int fd = need(rung(0, (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
                                                .fd = AT_FDCWD,
                                                .addr = (uint64_t)at("allowed/own-by-ring"),
                                                .len = 0755,
                                                .open_flags = O_WRONLY | O_CREAT | O_EXCL}),
                  "open by ring");
    need(rung(0, (struct io_uring_sqe){.opcode = IORING_OP_WRITE, .fd = fd, .addr = (uint64_t)bytes, .len = n}) == n
             ? 0
             : -1,
         "write by ring");
    close(fd);
    return run(at("allowed/own-by-ring"));
}

static int own_handed_over(void) { /* it was opened outside the tree */
    char byte;
    int s = asked_giver('p'), fd = given_by(s);
    need(fd, "SCM_RIGHTS");
    close(filled(fd));
    need(read(s, &byte, 1), "read"); /* until the giver has closed it too: what is open for writing is not run */
    return run(at("allowed/given"));
}

static int own_preloaded(void) {
    char preload[8192],
        list[] = "while read -r line; do case $line in *r-xp*own.so) exit 42;; esac; done < /proc/self/maps";
    char *argv[] = {at("allowed/shell"), "-c", list, NULL};
    int from = need(open(at("allowed/lib.so"), O_RDONLY), "open"), to = fresh("allowed/own.so");
    while (need(syscall(SYS_copy_file_range, from, NULL, to, NULL, 1 << 30, 0), "copy_file_range") > 0)
        ;
    close(to);
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", at("allowed/own.so"));
    need(putenv(preload), "putenv");
    return ran(argv[0], argv, -1);
}

static void *own_mapping(int fd, int prot) {
    return mmap(NULL, 4096, prot, MAP_PRIVATE, fd, 0);
}

static int own_mapped(void) { /* as dlopen does */
    int fd = need(open(made("allowed/own-mapped"), O_RDONLY), "open");
    return own_mapping(fd, PROT_READ | PROT_EXEC) == MAP_FAILED ? -1 : 0;
}

static int own_protected(void) {
    void *code = own_mapping(need(open(made("allowed/own-protected"), O_RDONLY), "open"), PROT_READ);
    need(code == MAP_FAILED ? -1 : 0, "mmap");
    return mprotect(code, 4096, PROT_READ | PROT_EXEC);
}

static int own_memfd_mapped(void) {
    return own_mapping(own_memfd_fd(), PROT_READ | PROT_EXEC) == MAP_FAILED ? -1 : 0;
}

static int own_memory(void) {
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(memory == MAP_FAILED ? -1 : 0, "mmap");
    memcpy(memory, code, sizeof(code));
    return mprotect(memory, 4096, PROT_READ | PROT_EXEC) || ((int (*)(void))memory)() != 42 ? -1 : 0;
}

#endif
