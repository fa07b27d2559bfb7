/* By what is known of a file beside its name: a descriptor, a handle, another process that has it. */
#ifndef BYPASS_DESCRIPTORS_H
#define BYPASS_DESCRIPTORS_H

#include <signal.h>
#include <stdlib.h>
#include <sys/acct.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include "bypass-scene.h"

/* O_PATH opens nothing, and is asked about by nobody. */
static int named(const char *name) {
    return need(open(at(name), O_PATH), "open O_PATH");
}

/* /proc/self/fd/FD */
static char *proc_of(int fd) {
    static char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

/* What /proc has of a process: its `entry`, and DIR/name behind it. */
static char *proc_entry(pid_t pid, const char *entry, const char *name) {
    static char path[8192];
    snprintf(path, sizeof(path), "/proc/%d/%s%s", pid, entry, name);
    return path;
}

static int proc_fd(void) {
    char path[128];
    snprintf(path, sizeof(path), "%s/secret/key", proc_of(need(open(dir, O_PATH | O_DIRECTORY), "open")));
    return opened(path, O_RDONLY);
}

static int reopened(void) {
    return opened(proc_of(named("secret/key")), O_RDONLY);
}

static int by_handle(void) {
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } file = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
    int mount, any = need(open(dir, O_RDONLY | O_DIRECTORY), "open");
    need(name_to_handle_at(AT_FDCWD, at("secret/key"), &file.handle, &mount, 0), "name_to_handle_at");
    return reads(open_by_handle_at(any, &file.handle, O_RDONLY));
}

/*
 * The handle of a file whose name the kernel has forgotten since: it opens the file, and finds no name for it. Names of
 * a tmpfs are never forgotten, those of cgroups are.
 */
static int by_lost_handle(void) {
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } file = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
    int mount, any = need(open(at("groups"), O_RDONLY | O_DIRECTORY), "open");
    int caches = need(open("/proc/sys/vm/drop_caches", O_WRONLY), "open");
    need(name_to_handle_at(AT_FDCWD, at("groups/secret/cgroup.type"), &file.handle, &mount, 0), "name_to_handle_at");
    for (int i = 0; i < 3; i++)
        need(pwrite(caches, "2", 1, 0), "drop_caches");
    return reads(open_by_handle_at(any, &file.handle, O_RDONLY));
}

static int cloned_tree(void) {
    return need(syscall(SYS_open_tree, AT_FDCWD, at("secret"), OPEN_TREE_CLONE), "open_tree");
}

static int by_open_tree(void) { /* a mount that is nowhere */
    return reads(openat(cloned_tree(), "key", O_RDONLY));
}

static int moved_tree(void) {
    own_mounts();
    need(syscall(SYS_move_mount, cloned_tree(), "", AT_FDCWD, at("allowed/mount"), MOVE_MOUNT_F_EMPTY_PATH),
         "move_mount");
    return opened(at("allowed/mount/key"), O_RDONLY);
}

static int proc_cwd(void) {
    need(chdir(at("secret")), "chdir");
    return opened("/proc/self/cwd/key", O_RDONLY);
}

/* A child has a mount namespace of its own, in which the folder stands elsewhere. */
static int proc_child_root(void) {
    int ready[2];
    char byte;
    need(pipe(ready), "pipe");
    pid_t child = need(fork(), "fork");
    if (!child) {
        own_mounts();
        need(mount(at("secret"), at("allowed/mount"), NULL, MS_BIND, NULL), "bind");
        need(write(ready[1], "x", 1), "write");
        pause();
    }
    close(ready[1]);
    need(read(ready[0], &byte, 1) == 1 ? 0 : -1, "child");
    int result = opened(proc_entry(child, "root", at("allowed/mount/key")), O_RDONLY), error = errno;
    kill(child, SIGKILL);
    errno = error;
    return result;
}

static int proc_outsider_root(void) {
    return opened(proc_entry(outsider, "root", at("secret/key")), O_RDONLY);
}

static int proc_outsider_fd(void) {
    char fd[32];
    snprintf(fd, sizeof(fd), "fd/%d", GIVEN_FD);
    return opened(proc_entry(outsider, fd, ""), O_RDONLY);
}

static int taken_fd(void) {
    int pidfd = need(syscall(SYS_pidfd_open, outsider, 0), "pidfd_open");
    return reads(syscall(SYS_pidfd_getfd, pidfd, GIVEN_FD, 0));
}

static struct sockaddr_un giver(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/allowed/giver", dir);
    return address;
}

struct fd_message {
    struct msghdr msg;
    struct iovec data;
    char byte;
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
};

static struct msghdr *fd_message(struct fd_message *m) {
    m->data = (struct iovec){&m->byte, 1};
    m->msg = (struct msghdr){
        .msg_iov = &m->data, .msg_iovlen = 1, .msg_control = &m->control, .msg_controllen = sizeof(m->control)};
    return &m->msg;
}

/* A connection to the giver, asked for its descriptor of DIR/secret/key ('k') or of a new DIR/allowed/given ('p'). */
static int asked_giver(char what) {
    struct sockaddr_un to = giver();
    int s = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    need(connect(s, (void *)&to, sizeof(to)), "connect");
    need(write(s, &what, 1), "write");
    return s;
}

/* The descriptor that a message brings; -1, without an errno, where it came without. */
static int given_by(int s) {
    struct fd_message m = {0};
    int fd;
    need(recvmsg(s, fd_message(&m), 0), "recvmsg");
    struct cmsghdr *head = CMSG_FIRSTHDR(&m.msg);
    errno = 0;
    if (!head)
        return -1;
    memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    return fd;
}

static int received_fd(void) {
    return reads(given_by(asked_giver('k')));
}

/*
 * bypass give DIR: not governed, it has the file open and hands it, or a program to be written, to whoever asks; and it
 * sets an attribute of the file.
 */
_Noreturn static void give(void) {
    struct sockaddr_un own = giver();
    struct fd_message m = {0};
    int key = need(open(at("secret/key"), O_RDONLY), "open"), s = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    need(dup2(key, GIVEN_FD), "dup2");
    need(fsetxattr(key, GIVEN_ATTR, "x", 1, 0), "fsetxattr");
    need(bind(s, (void *)&own, sizeof(own)), "bind");
    need(listen(s, 8), "listen");
    puts("ready");
    fflush(stdout);
    for (;;) {
        char what = 0;
        int peer = need(accept(s, NULL, NULL), "accept");
        (void)!read(peer, &what, 1);
        int fd = what == 'p' ? need(open(at("allowed/given"), O_RDWR | O_CREAT | O_TRUNC, 0755), "open given") : key;
        struct msghdr *msg = fd_message(&m);
        m.control.head =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&m.control.head), &fd, sizeof(fd));
        sendmsg(peer, msg, MSG_NOSIGNAL);
        if (fd != key)
            close(fd);
        close(peer);
    }
}

/* Who is not governed reads the file as soon as allowed/watch is there; the kernel opens it for who watches. */
static int by_fanotify(void) {
    struct fanotify_event_metadata event = {0};
    int fan = need(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY), "fanotify_init");
    if (fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, at("secret/watched")))
        return -1;
    need(mkdir(at("allowed/watch"), 0700), "mkdir");
    return read(fan, &event, sizeof(event)) < 0 ? -1 : reads(event.fd);
}

/* The kernel itself writes to the file, whenever a process ends. */
static int by_accounting(void) {
    int result = acct(at("secret/accounts")), error = errno;
    acct(NULL);
    errno = error;
    return result;
}

/* In the numbers of 32-bit programs: the name must lie in the first 4 GiB. */
static int by_int80(void) {
    char *name = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    long result;
    need(name == MAP_FAILED ? -1 : 0, "mmap");
    strcpy(name, at("secret/key"));
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(5L), "b"(name), "c"((long)O_RDONLY), "d"(0L)
                 : "memory", "r8", "r9", "r10", "r11");
    if ((int)result < 0) {
        errno = -(int)result;
        return -1;
    }
    return reads(result);
}

static int link_by_fd(void) {
    return linkat(named("secret/key"), "", AT_FDCWD, at("allowed/linked-by-fd"), AT_EMPTY_PATH);
}
static int create_by_fd(void) {
    return openat(named("secret"), "new-by-fd", O_WRONLY | O_CREAT | O_EXCL, 0600);
}
static int delete_by_fd(void) {
    return unlinkat(named("secret"), "gone-by-fd", 0);
}
static int change_mode_by_fd(void) {
    return chmod(proc_of(named("secret/attr")), 0604);
}
static int change_owner_by_fd(void) {
    return fchownat(named("secret/attr"), "", 8, 8, AT_EMPTY_PATH);
}

static int link_tmpfile(void) {
    int fd = need(open(at("allowed"), O_TMPFILE | O_WRONLY, 0600), "open O_TMPFILE");
    return linkat(AT_FDCWD, proc_of(fd), AT_FDCWD, at("secret/from-tmpfile"), AT_SYMLINK_FOLLOW);
}

#endif
