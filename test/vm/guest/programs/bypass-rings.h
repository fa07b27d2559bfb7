/* What is given to an io_uring passes no system call of its own. */
#ifndef BYPASS_RINGS_H
#define BYPASS_RINGS_H

#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "bypass-scene.h"

struct ring {
    int fd;
    unsigned setup;
    char *sq, *cq;
    struct io_uring_sqe *sqe;
    struct io_uring_params p;
};

static struct ring make_ring(unsigned setup) {
    struct ring r = {.setup = setup, .p = {.flags = setup}};
    int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
    r.fd = need(syscall(SYS_io_uring_setup, 4, &r.p), "io_uring_setup");
    r.sq = mmap(NULL, r.p.sq_off.array + r.p.sq_entries * 4, prot, flags, r.fd, IORING_OFF_SQ_RING);
    r.cq = mmap(NULL, r.p.cq_off.cqes + r.p.cq_entries * sizeof(struct io_uring_cqe), prot, flags, r.fd,
                IORING_OFF_CQ_RING);
    r.sqe = mmap(NULL, r.p.sq_entries * sizeof(*r.sqe), prot, flags, r.fd, IORING_OFF_SQES);
    return r;
}

/* One piece of work, as a system call would answer. */
static int ring_does(struct ring *r, struct io_uring_sqe work) {
    unsigned *tail = (unsigned *)(r->sq + r->p.sq_off.tail), at = *tail & (r->p.sq_entries - 1);
    unsigned *head = (unsigned *)(r->cq + r->p.cq_off.head);
    r->sqe[at] = work;
    ((unsigned *)(r->sq + r->p.sq_off.array))[at] = at;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    unsigned enter = IORING_ENTER_GETEVENTS | (r->setup & IORING_SETUP_SQPOLL ? IORING_ENTER_SQ_WAKEUP : 0);
    need(syscall(SYS_io_uring_enter, r->fd, 1, 1, enter, NULL, 0), "io_uring_enter");
    struct io_uring_cqe *done = (struct io_uring_cqe *)(r->cq + r->p.cq_off.cqes);
    int result = done[*head & (r->p.cq_entries - 1)].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    errno = result < 0 ? -result : 0;
    return result < 0 ? -1 : result;
}

static int rung(unsigned setup, struct io_uring_sqe work) {
    struct ring r = make_ring(setup);
    return ring_does(&r, work);
}

static struct io_uring_sqe opening(void) {
    return (struct io_uring_sqe){.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uint64_t)at("secret/key")};
}

static int by_io_uring(void) {
    return reads(rung(0, opening()));
}

static int uring_worker(void) {
    struct io_uring_sqe work = opening();
    work.flags = IOSQE_ASYNC;
    return reads(rung(0, work));
}

static int uring_poller(void) {
    return reads(rung(IORING_SETUP_SQPOLL, opening()));
}

static int uring_openat2(void) {
    struct open_how how = {.flags = O_RDONLY};
    return reads(rung(0, (struct io_uring_sqe){.opcode = IORING_OP_OPENAT2,
                                               .fd = AT_FDCWD,
                                               .addr = (uint64_t)at("secret/key"),
                                               .len = sizeof(how),
                                               .off = (uint64_t)&how}));
}

static int uring_fixed(void) { /* the file never has a descriptor */
    struct ring r = make_ring(0);
    char byte;
    int none = -1;
    need(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, &none, 1), "io_uring_register");
    struct io_uring_sqe work = opening();
    work.file_index = 1;
    if (ring_does(&r, work) < 0)
        return -1;
    return ring_does(&r, (struct io_uring_sqe){.opcode = IORING_OP_READ,
                                               .flags = IOSQE_FIXED_FILE,
                                               .fd = 0,
                                               .addr = (uint64_t)&byte,
                                               .len = 1}) == 1
               ? 0
               : -1;
}

static int uring_delete(void) {
    return rung(0, (struct io_uring_sqe){
                       .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uint64_t)at("secret/gone-by-ring")});
}

/* From one name to another, as rename and link are. */
static int uring_names(unsigned opcode, const char *from, const char *to) {
    return rung(
        0, (struct io_uring_sqe){
               .opcode = opcode, .fd = AT_FDCWD, .addr = (uint64_t)at(from), .len = AT_FDCWD, .off = (uint64_t)at(to)});
}

static int uring_move(void) {
    return uring_names(IORING_OP_RENAMEAT, "secret/moves-by-ring", "allowed/moved-by-ring");
}

static int uring_link(void) {
    return uring_names(IORING_OP_LINKAT, "secret/key", "allowed/linked-by-ring");
}

/* In the name of a registered personality, as what a file system does on somebody's behalf. */
static int uring_xattr(void) {
    struct ring r = make_ring(0);
    int personality = need(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_PERSONALITY, NULL, 0), "personality");
    return ring_does(&r, (struct io_uring_sqe){.opcode = IORING_OP_SETXATTR,
                                               .addr = (uint64_t) "trusted.ring",
                                               .addr2 = (uint64_t) "x",
                                               .len = 1,
                                               .addr3 = (uint64_t)at("secret/attr"),
                                               .personality = personality});
}

static int uring_folder(void) {
    return rung(0, (struct io_uring_sqe){.opcode = IORING_OP_MKDIRAT,
                                         .fd = AT_FDCWD,
                                         .addr = (uint64_t)at("secret/folder-by-ring"),
                                         .len = 0700});
}

#endif
