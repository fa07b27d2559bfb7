/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring RECORD DIR COUNT: creates DIR/ring-N through an io_uring whose work is forced onto kernel workers, then
 * DIR/plain by a system call. Records:
 *
 *   ring PID TID              who set the ring up
 *   worker TID                a kernel worker of ours, which is a thread and never a process
 *   open N RESULT             fd or -errno of a ring's open
 *
 * Raw system calls: the tests need no liburing.
 */
#include "common.h"
#include <dirent.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define ENTRIES 64

static void *map(int ring, size_t size, off_t what) {
    void *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
    if (at == MAP_FAILED)
        die("mmap of the ring");
    return at;
}

static void record_workers(void) {
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        die("/proc/self/task");
    for (struct dirent *task; (task = readdir(tasks));)
        if (atoi(task->d_name) > 0 && atoi(task->d_name) != getpid())
            record("worker %s", task->d_name);
    closedir(tasks);
}

int main(int argc, char **argv) {
    if (argc != 4)
        die("usage: uring RECORD DIR COUNT");
    record_to(argv[1]);
    int count = atoi(argv[3]);
    struct io_uring_params params = {0};
    int ring = syscall(SYS_io_uring_setup, ENTRIES, &params);
    if (ring < 0) {
        record("refused %d", errno);
        return 0;
    }
    record("ring %d %d", getpid(), gettid());
    char *sq = map(ring, params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    char *cq = map(ring, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
    struct io_uring_sqe *sqes = map(ring, params.sq_entries * sizeof *sqes, IORING_OFF_SQES);
    unsigned *array = (unsigned *)(sq + params.sq_off.array);
    _Atomic unsigned *tail = (_Atomic unsigned *)(sq + params.sq_off.tail);
    _Atomic unsigned *cq_head = (_Atomic unsigned *)(cq + params.cq_off.head);
    unsigned sq_mask = *(unsigned *)(sq + params.sq_off.ring_mask),
             cq_mask = *(unsigned *)(cq + params.cq_off.ring_mask);
    struct io_uring_cqe *cqes = (struct io_uring_cqe *)(cq + params.cq_off.cqes);

    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/ring-%d", argv[2], i);
        unsigned at = atomic_load(tail);
        sqes[at & sq_mask] = (struct io_uring_sqe){
            .opcode = IORING_OP_OPENAT,
            .flags = IOSQE_ASYNC,
            .fd = AT_FDCWD,
            .addr = (uintptr_t)path,
            .len = 0600,
            .open_flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
            .user_data = i,
        };
        array[at & sq_mask] = at & sq_mask;
        atomic_store(tail, at + 1);
        if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) != 1)
            die("io_uring_enter");
        unsigned head = atomic_load(cq_head);
        record("open %d %d", (int)cqes[head & cq_mask].user_data, cqes[head & cq_mask].res);
        atomic_store(cq_head, head + 1);
    }
    record_workers();

    char path[4096];
    snprintf(path, sizeof path, "%s/plain", argv[2]);
    if (open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600) < 0)
        die(path);
    return 0;
}
