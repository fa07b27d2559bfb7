/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "include/events.h"
#include "clock.h"
#include "loaded.h"
#include "tls_probes.h"

#define CLOSERS 8
#define CLOSE_DELAY_NS NS_PER_SEC

/* include/uapi/linux/bpf.h from 6.6 on, which is newer than the headers that this is built with. */
#define UPROBE_MULTI 48
#define UPROBE_MULTI_RETURN 1
struct uprobe_multi {
    __u32 prog_fd, target_fd, attach_type, flags;
    __u64 path, offsets, ref_ctr_offsets, cookies;
    __u32 count, multi_flags, pid, pad;
};

static bool is_return(enum ag_probe probe) {
    return probe >= AG_PROBE_NEW;
}

static struct bpf_program *program_of(const struct agentgov_bpf *skel, enum ag_probe probe) {
    struct bpf_program *programs[AG_PROBE_MAX] = {
        [AG_PROBE_ENTER] = skel->progs.tls_enter,
        [AG_PROBE_HANDSHAKE] = skel->progs.tls_handshake,
        [AG_PROBE_HANDSHAKE_GNUTLS] = skel->progs.tls_handshake_gnutls,
        [AG_PROBE_FREE] = skel->progs.tls_free,
        [AG_PROBE_CTRL] = skel->progs.tls_ctrl,
        [AG_PROBE_SERVER_NAME] = skel->progs.tls_server_name,
        [AG_PROBE_TRY] = skel->progs.tls_try,
        [AG_PROBE_HANDSHAKE_BORINGSSL] = skel->progs.tls_handshake_boringssl,
        [AG_PROBE_BEGIN] = skel->progs.tls_object,
        [AG_PROBE_HOST_NAME] = skel->progs.tls_host_name,
        [AG_PROBE_GO_ENTER] = skel->progs.tls_go_enter,
        [AG_PROBE_GO_READ] = skel->progs.tls_go_read,
        [AG_PROBE_GO_WRITE] = skel->progs.tls_go_write,
        [AG_PROBE_GO_NAME] = skel->progs.tls_go_name,
        [AG_PROBE_GO_HANDSHAKE] = skel->progs.tls_go_handshake,
        [AG_PROBE_GO_CLOSE] = skel->progs.tls_go_close,
        [AG_PROBE_NEW] = skel->progs.tls_new,
        [AG_PROBE_READ] = skel->progs.tls_read,
        [AG_PROBE_WRITE] = skel->progs.tls_write,
        [AG_PROBE_READ_EX] = skel->progs.tls_read_ex,
        [AG_PROBE_WRITE_EX] = skel->progs.tls_write_ex,
    };
    return programs[probe];
}

static bool by_multi;

/*
 * One link for many functions came with 6.6. Until 6.10 its process was taken for a thread (fixed by 46ba0e49b642): the
 * other threads of the process were not seen. So by the release, there is nothing that could be tried quickly.
 */
static bool has_multi(void) {
    struct utsname uts;
    unsigned major = 0, minor = 0;
    return uname(&uts) == 0 && sscanf(uts.release, "%u.%u", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 10));
}

void tls_probes_prepare(struct agentgov_bpf *skel) {
    by_multi = has_multi();
    if (!by_multi) {
        for (int probe = 0; probe < AG_PROBE_MAX; probe++)
            bpf_program__set_autoload(program_of(skel, probe), true);
        return;
    }
    struct bpf_program *both[] = {skel->progs.tls_entries, skel->progs.tls_returns};
    for (int i = 0; i < 2; i++) {
        bpf_program__set_autoload(both[i], true);
        bpf_program__set_expected_attach_type(both[i], UPROBE_MULTI);
    }
}

/* All entries, or all returns, as one link. */
static int attach_multi(const struct bpf_program *prog, const char *path, const struct tls_library *library,
                        bool returns, uint32_t pid, struct tls_probes *out) {
    uint64_t offsets[TLS_PLACES_MAX], cookies[TLS_PLACES_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < library->count; i++) {
        if (is_return(library->places[i].probe) != returns)
            continue;
        offsets[count] = library->places[i].offset;
        cookies[count++] = library->places[i].probe;
    }
    if (count == 0)
        return 0;
    struct uprobe_multi link = {
        .prog_fd = loaded_fd(prog),
        .attach_type = UPROBE_MULTI,
        .path = (uintptr_t)path,
        .offsets = (uintptr_t)offsets,
        .cookies = (uintptr_t)cookies,
        .count = count,
        .multi_flags = returns ? UPROBE_MULTI_RETURN : 0,
        .pid = pid,
    };
    int fd = syscall(__NR_bpf, BPF_LINK_CREATE, &link, sizeof(link));
    if (fd < 0)
        return -errno;
    out->fds[out->count++] = fd;
    return 0;
}

/* The number that the kernel gave to the kind of event, and the bit that makes it a return probe. */
static int uprobe_type(void) {
    static int type;
    FILE *file = type ? NULL : fopen("/sys/bus/event_source/devices/uprobe/type", "re");
    if (file && fscanf(file, "%d", &type) != 1)
        type = 0;
    if (file)
        fclose(file);
    return type;
}

/* Bit 0 of the config in all kernels: /sys/bus/event_source/devices/uprobe/format/retprobe. */
static int attach_perf(const struct bpf_program *prog, const char *path, bool is_return, uint64_t offset, uint32_t pid,
                       struct tls_probes *out) {
    struct perf_event_attr attr = {
        .type = uprobe_type(),
        .size = sizeof(attr),
        .config = is_return,
        .uprobe_path = (uintptr_t)path,
        .probe_offset = offset,
    };
    if (!attr.type)
        return -ENOENT;
    int fd = syscall(__NR_perf_event_open, &attr, (pid_t)pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, loaded_fd(prog)) == 0 && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) == 0) {
        out->fds[out->count++] = fd;
        return 0;
    }
    int err = -errno;
    close(fd);
    return err;
}

/*
 * To put a probe in, the kernel waits until no fork is halfway (percpu_down_write(&dup_mmap_sem) in
 * register_for_each_vma, kernel/events/uprobes.c): a grace period of RCU, 10 to 30 ms, in which a quick program has
 * already sent its request. An expedited one takes less than one. The switch is the machine's, so it is on for no
 * longer than the attaching takes, and left alone where it is on or cannot be written.
 */
#define EXPEDITED "/sys/kernel/rcu_expedited"

static bool expedite(bool on) {
    char now = 0;
    int fd = open(EXPEDITED, O_RDWR | O_CLOEXEC);
    bool changed =
        fd >= 0 && pread(fd, &now, 1, 0) == 1 && now == (on ? '0' : '1') && pwrite(fd, on ? "1" : "0", 1, 0) == 1;
    if (fd >= 0)
        close(fd);
    return changed;
}

static int attach_all(const struct agentgov_bpf *skel, const struct tls_library *library, uint32_t pid,
                      struct tls_probes *out) {
    char path[32];
    int err = 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", library->fd); /* the very file, whatever its name is by now */
    if (by_multi) {
        err = attach_multi(skel->progs.tls_entries, path, library, false, pid, out);
        return err ? err : attach_multi(skel->progs.tls_returns, path, library, true, pid, out);
    }
    for (size_t i = 0; i < library->count && !err; i++) {
        const struct tls_place *place = &library->places[i];
        err = attach_perf(program_of(skel, place->probe), path, is_return(place->probe), place->offset, pid, out);
    }
    return err;
}

int tls_probes_attach(const struct agentgov_bpf *skel, const struct tls_library *library, uint32_t pid,
                      struct tls_probes *out) {
    out->count = 0;
    bool expedited = expedite(true);
    int err = attach_all(skel, library, pid, out);
    if (expedited)
        expedite(false);
    if (err)
        tls_probes_detach(out);
    return err;
}

/*
 * Descriptors on their way to the threads that close them. While one is being closed the kernel lets nobody attach to
 * the same function, for a grace period: so it is not done when its process has just ended, and the next one begins.
 */
struct closing {
    int fd;
    uint64_t due;
};

static int to_close[2] = {-1, -1};
static pthread_t closers[CLOSERS];
static int closers_count;
static atomic_bool hurry;

static void *close_all(void *arg) {
    struct closing c;
    (void)arg;
    while (read(to_close[0], &c, sizeof(c)) == sizeof(c)) {
        struct timespec step = {.tv_nsec = 50 * NS_PER_MS};
        while (!atomic_load(&hurry) && clock_now() < c.due)
            nanosleep(&step, NULL);
        close(c.fd);
    }
    return NULL;
}

bool tls_probes_begin(void) {
    if (pipe2(to_close, O_CLOEXEC) != 0)
        return false;
    while (closers_count < CLOSERS && pthread_create(&closers[closers_count], NULL, close_all, NULL) == 0)
        closers_count++;
    return closers_count > 0;
}

void tls_probes_detach(struct tls_probes *probes) {
    uint64_t due = clock_now() + CLOSE_DELAY_NS;
    while (probes->count > 0) {
        struct closing c = {.fd = probes->fds[--probes->count], .due = due};
        if (write(to_close[1], &c, sizeof(c)) != sizeof(c))
            close(c.fd);
    }
}

void tls_probes_end(void) {
    atomic_store(&hurry, true);
    close(to_close[1]);
    while (closers_count > 0)
        pthread_join(closers[--closers_count], NULL);
    close(to_close[0]);
    to_close[0] = to_close[1] = -1;
}
