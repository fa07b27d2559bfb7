/*
 * Ways around a policy: bypass DIR PORT runs each of them in a child of its own and prints a line "WAY ERRNO PID", 0
 * where the way led there. The folder that a policy closes is DIR/secret, and 127.0.0.2 and port 4444 are what it
 * forbids to call and to offer; test/vm/guest/bypass.mjs makes the folder, with a shell as secret/prog.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ways.h"

#define LOADER "/lib64/ld-linux-x86-64.so.2"

static const char *dir;
static int port;

/* DIR/name, in one of some buffers. */
static char *at(const char *name) {
    static char paths[4][8192];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static int opened(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    char byte;
    if (fd < 0)
        return -1;
    return (flags & (O_ACCMODE | O_CREAT)) == O_RDONLY && !(flags & O_TRUNC) && read(fd, &byte, 1) != 1 ? -1 : 0;
}

static int plain(void) {
    return opened(at("secret/key"), O_RDONLY);
}
static int read_write(void) {
    return opened(at("secret/key"), O_RDWR);
}
static int cut_by_open(void) {
    return opened(at("secret/cut"), O_RDONLY | O_TRUNC);
}
static int create(void) {
    return opened(at("secret/new"), O_WRONLY | O_CREAT | O_EXCL);
}
static int dotdot(void) {
    return opened(at("other//../other/.././secret/key"), O_RDONLY);
}
static int by_symlink(void) {
    return opened(at("link"), O_RDONLY);
}
static int by_folder_symlink(void) {
    return opened(at("folder-link/key"), O_RDONLY);
}

static int relative(void) {
    need(chdir(at("other")), "chdir");
    return opened("../secret/key", O_RDONLY);
}

static int proc_root(void) {
    char path[8192];
    snprintf(path, sizeof(path), "/proc/self/root%s", at("secret/key"));
    return opened(path, O_RDONLY);
}

static int proc_fd(void) {
    char path[64];
    int fd = need(open(dir, O_PATH | O_DIRECTORY), "open");
    snprintf(path, sizeof(path), "/proc/self/fd/%d/secret/key", fd);
    return opened(path, O_RDONLY);
}

static int reopened(void) { /* O_PATH opens nothing, and is asked about by nobody */
    char path[64];
    int fd = need(open(at("secret/key"), O_PATH), "open");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return opened(path, O_RDONLY);
}

static int beneath(void) {
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
    int fd = need(open(dir, O_PATH | O_DIRECTORY), "open");
    return syscall(SYS_openat2, fd, "secret/key", &how, sizeof(how));
}

static void own_mounts(void) {
    need(unshare(CLONE_NEWNS), "unshare");
    need(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "make private");
}

static int mount_namespace(void) {
    own_mounts();
    return plain();
}

static int bind_folder(void) {
    own_mounts();
    need(mount(at("secret"), at("allowed/mount"), NULL, MS_BIND, NULL), "bind");
    return opened(at("allowed/mount/key"), O_RDONLY);
}

static int bind_file(void) {
    own_mounts();
    need(mount(at("secret/key"), at("allowed/file"), NULL, MS_BIND, NULL), "bind");
    return opened(at("allowed/file"), O_RDONLY);
}

static int bind_parent(void) {
    own_mounts();
    need(mount(dir, at("allowed/mount"), NULL, MS_BIND, NULL), "bind");
    return opened(at("allowed/mount/secret/key"), O_RDONLY);
}

static int by_chroot(void) {
    need(chroot(dir), "chroot");
    return opened("/secret/key", O_RDONLY);
}

static int hard_link(void) {
    return link(at("secret/key"), at("allowed/hard"));
}
static int move_file(void) {
    return rename(at("secret/moves"), at("allowed/moved"));
}
static int move_folder(void) {
    return rename(at("secret-too"), at("allowed/moved-folder"));
}
static int move_parent(void) {
    return rename(at("parent"), at("allowed/moved-parent"));
}
static int move_over(void) {
    return rename(at("allowed/file"), at("secret/over"));
}
static int link_into(void) {
    return link(at("allowed/source"), at("secret/linked"));
}

static int exchange(void) {
    return syscall(SYS_renameat2, AT_FDCWD, at("allowed/exchange"), AT_FDCWD, at("secret/exchange"), 2);
}

static int make_folder(void) {
    return mkdir(at("secret/folder"), 0700);
}
static int make_symlink(void) {
    return symlink("key", at("secret/symlink"));
}
static int make_fifo(void) {
    return mkfifo(at("secret/fifo"), 0600);
}
static int delete_file(void) {
    return unlink(at("secret/gone"));
}
static int delete_folder(void) {
    return rmdir(at("secret/empty"));
}
static int cut(void) {
    return truncate(at("secret/cut"), 1);
}
static int change_mode(void) {
    return chmod(at("secret/attr"), 0640);
}
static int change_owner(void) {
    return chown(at("secret/attr"), 7, 7);
}

static int change_times(void) {
    struct timespec times[2] = {{1, 0}, {1, 0}};
    return utimensat(AT_FDCWD, at("secret/attr"), times, 0);
}

/* 150 folders below what is closed, one step at a time. */
static int deep(void) {
    need(chdir(at("secret")), "chdir");
    for (int i = 0; i < 150; i++)
        need(chdir("d"), "chdir d");
    return opened("key", O_RDONLY);
}

/* 4,095 bytes of name, most of which lead nowhere. */
static int long_name(void) {
    char path[4096];
    const char *rest = at("secret/key");
    size_t n = strlen(rest), fill = sizeof(path) - 1 - n;
    memset(path, '/', fill);
    memcpy(path + fill, rest, n + 1);
    return opened(path, O_RDONLY);
}

static int by_io_uring(void) {
    struct io_uring_params p = {0};
    int ring = need(syscall(SYS_io_uring_setup, 4, &p), "io_uring_setup");
    char *sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
                    IORING_OFF_SQ_RING);
    char *cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
    struct io_uring_sqe *sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
    memset(sqe, 0, sizeof(*sqe));
    sqe->opcode = IORING_OP_OPENAT;
    sqe->fd = AT_FDCWD;
    sqe->addr = (uint64_t)at("secret/key");
    sqe->open_flags = O_RDONLY;
    *(unsigned *)(sq + p.sq_off.array) = 0;
    __atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
    need(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
    int result = ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
    errno = result < 0 ? -result : 0;
    return result < 0 ? -1 : 0;
}

/* What is run says so by its exit code, 42; failing to run it is its errno. */
static int ran(const char *path, char *const argv[], int fd) {
    int report[2], status, failed = 0;
    need(pipe2(report, O_CLOEXEC), "pipe");
    pid_t child = need(fork(), "fork");
    if (!child) {
        if (fd >= 0)
            syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
        else
            execv(path, argv);
        int err = errno;
        (void)!write(report[1], &err, sizeof(err));
        _exit(1);
    }
    close(report[1]);
    if (read(report[0], &failed, sizeof(failed)) != sizeof(failed))
        failed = 0;
    waitpid(child, &status, 0);
    errno = failed ? failed : WIFEXITED(status) && WEXITSTATUS(status) == 42 ? 0 : EPERM;
    return errno ? -1 : 0;
}

static int run(const char *path) {
    char *argv[] = {(char *)path, "-c", "exit 42", NULL};
    return ran(path, argv, -1);
}

static int exec_plain(void) {
    return run(at("secret/prog"));
}
static int exec_symlink(void) {
    return run(at("prog-link"));
}
static int exec_script(void) {
    return run(at("allowed/script"));
}

static int exec_fd(void) {
    char *argv[] = {"prog", "-c", "exit 42", NULL};
    return ran(NULL, argv, need(open(at("secret/prog"), O_PATH), "open"));
}

static int exec_by_loader(void) {
    char *argv[] = {LOADER, at("secret/prog"), "-c", "exit 42", NULL};
    return ran(LOADER, argv, -1);
}

static int map_code(void) {
    int fd = open(at("secret/prog"), O_RDONLY);
    return fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static struct sockaddr_in forbidden(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.2", &to.sin_addr);
    return to;
}

static int connect_v4(void) {
    struct sockaddr_in to = forbidden();
    return connect(need(socket(AF_INET, SOCK_STREAM, 0), "socket"), (void *)&to, sizeof(to));
}

static struct sockaddr_in6 mapped(void) {
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    inet_pton(AF_INET6, "::ffff:127.0.0.2", &to.sin6_addr);
    return to;
}

static int connect_mapped(void) {
    struct sockaddr_in6 to = mapped();
    return connect(need(socket(AF_INET6, SOCK_STREAM, 0), "socket"), (void *)&to, sizeof(to));
}

static int connect_fastopen(void) {
    struct sockaddr_in to = forbidden();
    return sendto(need(socket(AF_INET, SOCK_STREAM, 0), "socket"), "x", 1, MSG_FASTOPEN, (void *)&to, sizeof(to));
}

static int connect_udp(void) {
    struct sockaddr_in to = forbidden();
    return connect(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), (void *)&to, sizeof(to));
}

static int send_udp(void) {
    struct sockaddr_in to = forbidden();
    return sendto(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), "x", 1, 0, (void *)&to, sizeof(to));
}

static int send_unspecified(void) { /* which an IPv4 socket takes for AF_INET */
    struct sockaddr_in to = forbidden();
    to.sin_family = AF_UNSPEC;
    return sendto(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), "x", 1, 0, (void *)&to, sizeof(to));
}

static int send_mapped(void) {
    struct sockaddr_in6 to = mapped();
    return sendto(need(socket(AF_INET6, SOCK_DGRAM, 0), "socket"), "x", 1, 0, (void *)&to, sizeof(to));
}

static int send_second(void) { /* the first message goes to an address that is open */
    struct sockaddr_in to = forbidden(), open = to;
    inet_pton(AF_INET, "127.0.0.1", &open.sin_addr);
    struct iovec data = {"x", 1};
    struct mmsghdr both[2] = {{.msg_hdr = {&open, sizeof(open), &data, 1}}, {.msg_hdr = {&to, sizeof(to), &data, 1}}};
    int sent = sendmmsg(need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), both, 2, 0);
    errno = sent == 2 ? 0 : EPERM; /* of the second no error is told, only that it was not sent */
    return sent == 2 ? 0 : -1;
}

static int bind_port(void) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(4444)};
    return bind(need(socket(AF_INET, SOCK_STREAM, 0), "socket"), (void *)&own, sizeof(own));
}

static int connect_unix(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    need(chdir(at("folder-link")), "chdir");
    strcpy(to.sun_path, "sock");
    return connect(need(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), (void *)&to, sizeof(to));
}

/* Of these the rule has another name than the one that leads there. */
static int behind_link(void) {
    return opened(at("linked/key"), O_RDONLY);
}
static int bound_from(void) {
    return opened(at("bound/key"), O_RDONLY);
}
static int bound_to(void) {
    return opened(at("alias/key"), O_RDONLY);
}
static int hard_link_before(void) {
    return opened(at("allowed/linked-before"), O_RDONLY);
}

/* Who is not governed moves the folder as soon as allowed/ready is there. */
static int moved_by_others(void) {
    struct stat st;
    need(mkdir(at("allowed/ready"), 0700), "mkdir");
    for (int i = 0; i < 6000 && stat(at("allowed/moved-by-others"), &st); i++)
        usleep(10000);
    need(stat(at("allowed/moved-by-others"), &st), "stat");
    return opened(at("allowed/moved-by-others/deep/key"), O_RDONLY);
}

static const struct way WAYS[] = {
    {"plain", plain},
    {"read_write", read_write},
    {"cut_by_open", cut_by_open},
    {"create", create},
    {"dotdot", dotdot},
    {"by_symlink", by_symlink},
    {"by_folder_symlink", by_folder_symlink},
    {"relative", relative},
    {"proc_root", proc_root},
    {"proc_fd", proc_fd},
    {"reopened", reopened},
    {"beneath", beneath},
    {"mount_namespace", mount_namespace},
    {"bind_folder", bind_folder},
    {"bind_file", bind_file},
    {"bind_parent", bind_parent},
    {"by_chroot", by_chroot},
    {"deep", deep},
    {"long_name", long_name},
    {"by_io_uring", by_io_uring},
    {"hard_link", hard_link},
    {"move_over", move_over},
    {"link_into", link_into},
    {"exchange", exchange},
    {"make_folder", make_folder},
    {"make_symlink", make_symlink},
    {"make_fifo", make_fifo},
    {"delete_file", delete_file},
    {"delete_folder", delete_folder},
    {"cut", cut},
    {"change_mode", change_mode},
    {"change_owner", change_owner},
    {"change_times", change_times},
    {"move_file", move_file},
    {"move_folder", move_folder},
    {"move_parent", move_parent},
    {"exec_plain", exec_plain},
    {"exec_symlink", exec_symlink},
    {"exec_script", exec_script},
    {"exec_fd", exec_fd},
    {"exec_by_loader", exec_by_loader},
    {"map_code", map_code},
    {"connect_v4", connect_v4},
    {"connect_mapped", connect_mapped},
    {"connect_fastopen", connect_fastopen},
    {"connect_udp", connect_udp},
    {"send_udp", send_udp},
    {"send_unspecified", send_unspecified},
    {"send_mapped", send_mapped},
    {"send_second", send_second},
    {"bind_port", bind_port},
    {"connect_unix", connect_unix},
    {"behind_link", behind_link},
    {"bound_from", bound_from},
    {"bound_to", bound_to},
    {"hard_link_before", hard_link_before},
    {"moved_by_others", moved_by_others},
};

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    dir = argv[1];
    port = atoi(argv[2]);
    return try_all(WAYS, sizeof(WAYS) / sizeof(WAYS[0]));
}
