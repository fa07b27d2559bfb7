/*
 * What root in the tree may try against agentgov: self-protection LOG POLICY PACKAGE LOADER SOCKET KEY OUTSIDER WORK
 * runs each way in a child of its own and prints a line "WAY ERRNO PID", 0 where nothing was against it. None does
 * damage where it is let through: what is moved is moved back, and signals are ones that nobody hears. agentgov is the
 * parent of this process, and its loader the other child. PACKAGE/dist has the files `doomed` and `replaced`, and PINS
 * what `self-protection pin` has pinned, as a loader does.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include "ways.h"
#include "paths.h"

#define BPFFS "/sys/fs/bpf"
#define PINS BPFFS "/agentgov"

static const char *log_file, *policy, *package, *loader_file, *control, *key, *work;
static pid_t engine, loader, outsider;

static int log_write(void) {
    return open(log_file, O_WRONLY | O_APPEND);
}
static int log_tip(void) {
    return open(text("%s.tip", log_file), O_RDWR);
}
static int log_mode(void) {
    return chmod(log_file, 0600);
}
static int log_times(void) {
    return utimensat(AT_FDCWD, log_file, NULL, 0);
}
static int log_link(void) {
    return link(log_file, text("%s/linked", folder_of(log_file)));
}
static int log_rename(void) {
    return move_and_back(log_file);
}
static int log_folder(void) {
    return move_and_back(folder_of(log_file));
}
static int log_beside(void) {
    const char *path = text("%s.torn-0", log_file);
    return open(path, O_WRONLY | O_CREAT, 0600) < 0 ? -1 : unlink(path);
}
static int log_finished(void) {
    const char *path = text("%.*s-000001.jsonl", (int)(strlen(log_file) - strlen(".jsonl")), log_file);
    return open(path, O_WRONLY | O_CREAT, 0600) < 0 ? -1 : unlink(path);
}
static int log_root(void) {
    return open(text("/proc/self/root%s", log_file), O_WRONLY | O_APPEND);
}
static int policy_write(void) {
    return open(policy, O_WRONLY);
}
static int policy_rename(void) {
    return move_and_back(policy);
}
static int policy_truncate(void) {
    struct stat st;
    return truncate(policy, stat(policy, &st) ? 0 : st.st_size);
}
static int program_write(void) {
    return open(text("%s/dist/index.js", package), O_WRONLY);
}
static int program_unlink(void) {
    return unlink(text("%s/dist/doomed", package));
}
static int program_replace(void) {
    const char *own = text("%s/../new", package);
    close(need(open(own, O_WRONLY | O_CREAT, 0600), "open"));
    return rename(own, text("%s/dist/replaced", package));
}
static int program_folder(void) {
    return move_and_back(package);
}
static int program_loader(void) {
    return chmod(loader_file, 0755);
}
static int control_socket(void) {
    return move_and_back(control);
}
static int control_folder(void) {
    return chmod(folder_of(control), 0755);
}
static int control_pin_unlink(void) {
    return unlink(PINS "/doomed");
}
static int control_pin_rename(void) {
    return move_and_back(PINS "/held");
}
static int control_pin_folder(void) {
    return move_and_back(PINS);
}
static int key_read(void) {
    return open(key, O_RDONLY);
}
static int kernel_files_sysrq(void) {
    return open("/proc/sysrq-trigger", O_WRONLY);
}
static int kernel_files_other_proc(void) {
    need(unshare(CLONE_NEWNS), "unshare");
    need(mount("none", "/mnt", "proc", 0, NULL), "mount");
    return open("/mnt/sys/kernel/core_pattern", O_WRONLY);
}
static int kernel_files_other_modprobe(void) {
    need(unshare(CLONE_NEWNS), "unshare");
    need(mount("none", "/mnt", "proc", 0, NULL), "mount");
    return open("/mnt/sys/kernel/modprobe", O_WRONLY);
}
static int kernel_files_poweroff(void) {
    return open("/proc/sys/kernel/poweroff_cmd", O_WRONLY);
}
/* A hierarchy of cgroups of version 1. */
static int mount_cgroups(const char *options) {
    need(unshare(CLONE_NEWNS), "unshare");
    need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
    return mount("none", "/mnt", "cgroup", 0, options);
}
static int kernel_files_release_agent(void) {
    need(mount_cgroups("none,name=agents"), "mount");
    return open("/mnt/release_agent", O_WRONLY);
}

static int mount_over_log(void) {
    const char *at = folder_of(log_file);
    return mount("none", at, "tmpfs", 0, NULL) ? -1 : need(umount(at), "umount");
}
static int mount_over_above(void) {
    return mount("none", "/opt", "tmpfs", 0, NULL) ? -1 : need(umount("/opt"), "umount");
}
static int mount_over_program(void) {
    const char *at = text("%s/dist", package);
    return mount(work, at, NULL, MS_BIND, NULL) ? -1 : need(umount(at), "umount");
}
static int mount_over_pins(void) {
    return mount("none", BPFFS, "tmpfs", 0, NULL) ? -1 : need(umount(BPFFS), "umount");
}
/* A file system that is mounted nowhere is no more. */
static int mount_away_pins(void) {
    return umount2(BPFFS, MNT_DETACH) ? -1 : need(mount("bpf", BPFFS, "bpf", 0, "mode=0700"), "mount");
}
static int mount_again(void) {
    return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
}

static int process_signal(void) {
    return kill(engine, SIGURG);
}
static int process_signal_loader(void) {
    return syscall(SYS_tgkill, loader, loader, SIGURG);
}
static int process_signal_above(void) {
    return kill(1, SIGURG);
}
static int process_trace(void) {
    return ptrace(PTRACE_SEIZE, engine, NULL, NULL);
}
static int process_memory(void) {
    static char here[8];
    struct iovec local = {here, sizeof(here)}, remote = {(void *)8, sizeof(here)};
    return process_vm_readv(loader, &local, 1, &remote, 1, 0);
}
static int process_memory_file(void) {
    return open(text("/proc/%d/mem", engine), O_RDWR);
}
static int process_folder(void) {
    char at[8];
    return readlink(text("/proc/%d/cwd", engine), at, sizeof(at));
}
static int process_pipe(void) {
    return open(text("/proc/%d/fd/0", loader), O_WRONLY);
}
static int outside_trace(void) {
    return ptrace(PTRACE_SEIZE, outsider, NULL, NULL);
}
static int kernel_bpf(void) {
    union bpf_attr attr = {.start_id = 0};
    return syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr));
}
static int kernel_pin(void) {
    union bpf_attr attr = {.pathname = (uintptr_t)PINS "/held"};
    return syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
}
static int kernel_module(void) {
    return syscall(SYS_init_module, "no module", 9, ""); /* ENOEXEC */
}
static int kernel_release_agent(void) {
    return mount_cgroups("none,name=given,release_agent=/bin/false");
}
/* /dev/mem, by a node of one's own. */
static int kernel_memory(void) {
    need(unshare(CLONE_NEWNS), "unshare");
    need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
    need(mount("none", "/mnt", "tmpfs", 0, NULL), "mount");
    need(mknod("/mnt/memory", S_IFCHR | 0600, makedev(1, 1)), "mknod");
    return open("/mnt/memory", O_RDONLY);
}
static int kernel_core(void) {
    return open("/proc/kcore", O_RDONLY);
}
static int kernel_kexec(void) {
    return syscall(SYS_kexec_load, 0, 1UL, NULL, 0); /* EFAULT */
}

/* What self-protection is not about. */
static int free_read_log(void) {
    return open(log_file, O_RDONLY);
}
static int free_read_policy(void) {
    return open(policy, O_RDONLY);
}
static int free_propagation(void) {
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}
static int free_container(void) {
    need(unshare(CLONE_NEWNS), "unshare");
    need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
    return mount("none", "/opt", "tmpfs", 0, NULL);
}
static int free_stat(void) {
    char line[8];
    return read(need(open(text("/proc/%d/stat", engine), O_RDONLY), "open"), line, sizeof(line));
}
static int free_perf(void) {
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr)};
    return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}
static int free_trace(void) {
    pid_t pid = need(fork(), "fork");
    if (!pid) {
        pause();
        _exit(0);
    }
    int result = ptrace(PTRACE_SEIZE, pid, NULL, NULL), err = errno;
    kill(pid, SIGKILL);
    errno = err;
    return result;
}

/* Whoever asks is told why not. */
static int free_refused(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char reply[512];
    int fd = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", control);
    need(connect(fd, (void *)&at, sizeof(at)), "connect");
    ssize_t n = need(read(fd, reply, sizeof(reply) - 1), "read");
    reply[n] = '\0';
    errno = EBADMSG;
    return strstr(reply, "A governed process may not control agentgov") ? 0 : -1;
}

#define WAY(name)                                                                                                      \
    { #name, name }
static const struct way WAYS[] = {
    WAY(log_write),
    WAY(log_tip),
    WAY(log_mode),
    WAY(log_times),
    WAY(log_link),
    WAY(log_rename),
    WAY(log_folder),
    WAY(log_beside),
    WAY(log_finished),
    WAY(log_root),
    WAY(policy_write),
    WAY(policy_rename),
    WAY(policy_truncate),
    WAY(program_write),
    WAY(program_unlink),
    WAY(program_replace),
    WAY(program_folder),
    WAY(program_loader),
    WAY(control_socket),
    WAY(control_folder),
    WAY(control_pin_unlink),
    WAY(control_pin_rename),
    WAY(control_pin_folder),
    WAY(key_read),
    WAY(kernel_files_sysrq),
    WAY(kernel_files_other_proc),
    WAY(kernel_files_other_modprobe),
    WAY(kernel_files_poweroff),
    WAY(kernel_files_release_agent),
    WAY(mount_over_log),
    WAY(mount_over_above),
    WAY(mount_over_program),
    WAY(mount_again),
    WAY(mount_over_pins),
    WAY(process_signal),
    WAY(process_signal_loader),
    WAY(process_signal_above),
    WAY(process_trace),
    WAY(process_memory),
    WAY(process_memory_file),
    WAY(process_folder),
    WAY(process_pipe),
    WAY(outside_trace),
    WAY(kernel_bpf),
    WAY(kernel_pin),
    WAY(mount_away_pins),
    WAY(kernel_module),
    WAY(kernel_kexec),
    WAY(kernel_release_agent),
    WAY(kernel_memory),
    WAY(kernel_core),
    WAY(free_read_log),
    WAY(free_read_policy),
    WAY(free_propagation),
    WAY(free_container),
    WAY(free_stat),
    WAY(free_perf),
    WAY(free_trace),
    WAY(free_refused),
};

/* The other child of our parent. */
static pid_t find_loader(void) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        pid_t pid = atoi(entry->d_name), parent = 0;
        FILE *file = pid ? fopen(text("/proc/%d/stat", pid), "r") : NULL;
        if (file && fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == engine && pid != getpid())
            return pid;
        if (file)
            fclose(file);
    }
    return 0;
}

/* The folder is there already where somebody is governed. */
static int pin(void) {
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY}; /* before 5.11 maps count as locked memory */
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    int fd = need(syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map)), "a map");
    static const char *const names[] = {PINS "/doomed", PINS "/held"};
    mkdir(PINS, 0700);
    for (int i = 0; i < 2; i++) {
        union bpf_attr at = {.pathname = (uintptr_t)names[i], .bpf_fd = fd};
        if (access(names[i], F_OK))
            need(syscall(SYS_bpf, BPF_OBJ_PIN, &at, sizeof(at)), "a pin");
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "pin") == 0)
        return pin();
    if (argc != 9)
        return 2;
    log_file = argv[1], policy = argv[2], package = argv[3], loader_file = argv[4];
    control = argv[5], key = argv[6], outsider = atoi(argv[7]), work = argv[8];
    engine = getppid();
    loader = find_loader();
    if (!loader)
        return 3;
    return try_all(WAYS, sizeof(WAYS) / sizeof(WAYS[0]));
}
