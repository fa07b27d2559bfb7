/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "kernel_btf.h"

struct btf *__real_btf__load_vmlinux_btf(void);
void __real_btf__free(struct btf *btf);

static struct btf *shared;
static int users;

/* Where the file can be mapped (Linux 6.16, btf_sysfs_vmlinux_mmap() in kernel/bpf/sysfs_btf.c), it is not read a page
 * at a time first. */
static struct btf *read_types(void) {
    int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
    struct stat s = {0};
    void *raw = fd >= 0 && fstat(fd, &s) == 0 && s.st_size > 0 && s.st_size <= UINT32_MAX
                    ? mmap(NULL, s.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                    : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    if (raw == MAP_FAILED)
        return __real_btf__load_vmlinux_btf();
    struct btf *types = btf__new(raw, s.st_size); /* has a copy */
    munmap(raw, s.st_size);
    return types;
}

struct btf *__wrap_btf__load_vmlinux_btf(void) {
    if (!shared)
        shared = read_types();
    if (shared)
        users++;
    return shared;
}

void __wrap_btf__free(struct btf *btf) {
    if (!btf || btf != shared)
        __real_btf__free(btf);
    else if (--users == 0) {
        shared = NULL;
        __real_btf__free(btf);
    }
}
