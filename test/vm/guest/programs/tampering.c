/*
 * Calls that change the machine: tampering OUTSIDER runs each in a child of its own and prints a line "WAY ERRNO PID",
 * 0 where nothing was against it. OUTSIDER is a process that is not governed. With root's privileges each of them gets
 * as far as the kernel's own checks of its arguments, which some are made to fail at, since the machine goes on with
 * the next test: test/vm/guest/tampering.mjs knows what they say without a policy.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ways.h"

static pid_t outsider;
static const char *mounted;

static int mount_new(void) {
    return mount("none", "/mnt", "tmpfs", 0, NULL);
}
static int mount_bind(void) {
    return mount("/usr", "/mnt", NULL, MS_BIND, NULL);
}
static int remount(void) {
    return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
}
static int unmount(void) {
    return umount2(mounted, 0);
}
static int move_mounted(void) {
    int fd = need(syscall(SYS_open_tree, AT_FDCWD, "/usr", 1 /* OPEN_TREE_CLONE */), "open_tree");
    return syscall(SYS_move_mount, fd, "", AT_FDCWD, "/mnt", 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
}
static int change_root(void) {
    return chroot("/usr");
}
static int turn_root(void) {
    return syscall(SYS_pivot_root, "/usr", "/usr"); /* EINVAL: no mount of its own */
}

static pid_t victim(void) {
    pid_t pid = need(fork(), "fork");
    if (!pid) {
        pause();
        _exit(0);
    }
    return pid;
}

static int done(pid_t pid, int result) {
    int err = errno;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    errno = err;
    return result;
}

static int attach(void) {
    pid_t pid = victim();
    return done(pid, ptrace(PTRACE_ATTACH, pid, NULL, NULL));
}
static int seize(void) {
    return ptrace(PTRACE_SEIZE, outsider, NULL, NULL);
}
static int be_traced(void) {
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}
static int read_memory(void) {
    static char here[8], there[8];
    struct iovec local = {here, sizeof(here)}, remote = {there, sizeof(there)};
    pid_t pid = victim();
    return done(pid, process_vm_readv(pid, &local, 1, &remote, 1, 0));
}
static int open_memory(void) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", outsider);
    return open(path, O_RDONLY);
}
static int take_descriptor(void) {
    pid_t pid = victim();
    int fd = need(syscall(SYS_pidfd_open, pid, 0), "pidfd_open");
    return done(pid, syscall(SYS_pidfd_getfd, fd, 1, 0));
}

static int signal_outsider(void) {
    return kill(outsider, SIGURG);
}
static int signal_thread(void) {
    return syscall(SYS_tgkill, outsider, outsider, SIGURG);
}
static int signal_by_descriptor(void) {
    int fd = need(syscall(SYS_pidfd_open, outsider, 0), "pidfd_open");
    return syscall(SYS_pidfd_send_signal, fd, SIGURG, NULL, 0);
}

static int change_user(void) {
    return setuid(1000);
}
static int change_users(void) {
    return setresuid(1000, 0, 1000);
}
static int change_group(void) {
    return setgid(1000);
}
static int change_groups(void) {
    gid_t group = 1000;
    return setgroups(1, &group);
}
static int change_capabilities(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {};
    return syscall(SYS_capset, &head, data);
}
static int own_mounts(void) {
    return unshare(CLONE_NEWNS);
}
static int own_network(void) {
    return unshare(CLONE_NEWNET);
}
/* Before 6.1 no hook is asked (docs/enforce.md): as if the call were not there. */
static int own_users(void) {
    struct utsname kernel;
    int major = 0, minor = 0;
    uname(&kernel);
    if (sscanf(kernel.release, "%d.%d", &major, &minor) != 2 || major < 6 || (major == 6 && minor < 1)) {
        errno = ENOSYS;
        return -1;
    }
    return unshare(CLONE_NEWUSER);
}
static int join_namespace(void) {
    int fd = need(open("/proc/self/ns/uts", O_RDONLY), "open");
    return setns(fd, 0);
}

static int make_map(void) {
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    need(setrlimit(RLIMIT_MEMLOCK, &limit), "setrlimit"); /* 5.10 counts the maps of the whole user, agentgov's too */
    return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}
static int open_perf(void) {
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr)};
    return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}
static int load_module(void) {
    return syscall(SYS_init_module, "no module", 9, ""); /* ENOEXEC */
}
static int remove_module(void) {
    return syscall(SYS_delete_module, "no_such_module", O_NONBLOCK); /* ENOENT */
}
static int load_kernel(void) {
    return syscall(SYS_kexec_load, 0, 1UL, NULL, 0); /* EFAULT */
}
static int open_ports(void) {
    return ioperm(0x80, 1, 1);
}

static int make_ring(void) {
    struct io_uring_params params = {};
    int ring = syscall(SYS_io_uring_setup, 4, &params);
    if (ring < 0)
        return ring;
    size_t size = params.sq_off.array + params.sq_entries * sizeof(__u32);
    void *queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    return queue == MAP_FAILED ? -1 : 0;
}

static const struct way WAYS[] = {
    {"mount_new", mount_new},
    {"mount_bind", mount_bind},
    {"mount_again", remount},
    {"mount_away", unmount},
    {"mount_moved", move_mounted},
    {"mount_chroot", change_root},
    {"mount_pivot", turn_root},
    {"ptrace_attach", attach},
    {"ptrace_outsider", seize},
    {"ptrace_traceme", be_traced},
    {"ptrace_memory", read_memory},
    {"ptrace_mem_file", open_memory},
    {"ptrace_descriptor", take_descriptor},
    {"signal_process", signal_outsider},
    {"signal_thread", signal_thread},
    {"signal_pidfd", signal_by_descriptor},
    {"privilege_user", change_user},
    {"privilege_users", change_users},
    {"privilege_group", change_group},
    {"privilege_groups", change_groups},
    {"privilege_capabilities", change_capabilities},
    {"privilege_mounts", own_mounts},
    {"privilege_network", own_network},
    {"privilege_namespace", own_users},
    {"privilege_join", join_namespace},
    {"kernel_bpf", make_map},
    {"kernel_perf", open_perf},
    {"kernel_module", load_module},
    {"kernel_module_away", remove_module},
    {"kernel_kexec", load_kernel},
    {"kernel_ports", open_ports},
    {"uring_make", make_ring},
};

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    outsider = atoi(argv[1]);
    mounted = argv[2];
    return try_all(WAYS, sizeof(WAYS) / sizeof(WAYS[0]));
}
