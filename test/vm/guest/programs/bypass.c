/*
 * Ways around a policy: bypass DIR PORT PID [WAY...] runs each of them, or these, in a child of its own and prints a
 * line "WAY ERRNO PID", 0 where the way led there. The folder that a policy closes is DIR/secret, and 127.0.0.2 and
 * port 4444 are what it forbids to call and to offer; guest/lib/bypass-scene.mjs makes the folder, with a shell as
 * secret/prog, and PID, which is `bypass give DIR` outside the tree.
 */
#define _GNU_SOURCE
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include "bypass-descriptors.h"
#include "bypass-network.h"
#include "bypass-programs.h"
#include "bypass-races.h"
#include "bypass-rings.h"
#include "bypass-routes.h"
#include "bypass-scene.h"
#include "bypass-written.h"

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

static int beneath(void) {
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
    int fd = need(open(dir, O_PATH | O_DIRECTORY), "open");
    return reads(syscall(SYS_openat2, fd, "secret/key", &how, sizeof(how)));
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

static int moved_mount(void) {
    own_mounts();
    need(mount(at("alias"), at("allowed/mount"), NULL, MS_MOVE, NULL), "move");
    return opened(at("allowed/mount/key"), O_RDONLY);
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

/* The folder above what is closed, for one that is open. */
static int exchange_parent(void) {
    return syscall(SYS_renameat2, AT_FDCWD, at("pair"), AT_FDCWD, at("allowed/pair"), 2);
}

static int make_node(void) {
    return mknod(at("secret/node"), S_IFREG | 0600, 0);
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

static int change_xattr(void) {
    return setxattr(at("secret/attr"), "trusted.bypass", "x", 1, 0);
}

/* From 6.17 on its flags (chattr) are changed by name, without an open. */
static int change_flags(void) {
    struct {
        uint64_t xflags;
        uint32_t extsize, nextents, projid, cowextsize;
    } flags = {.xflags = 0x80 /* FS_XFLAG_NODUMP */};
    return syscall(469 /* file_setattr */, AT_FDCWD, at("secret/attr"), &flags, sizeof(flags), 0);
}

/* A message queue, whose call takes the kernel's own flag of a file that execve opens. */
static int queue_by_exec_flag(void) {
    return reads(syscall(SYS_mq_open, "secret", O_RDONLY | 040, 0, NULL));
}

static int queue_delete(void) {
    return syscall(SYS_mq_unlink, "secret");
}

static int watch_folder(void) {
    return inotify_add_watch(need(inotify_init(), "inotify_init"), at("secret"), IN_ALL_EVENTS);
}

static int remove_xattr(void) {
    return removexattr(at("secret/key"), GIVEN_ATTR);
}

/* include/uapi/linux/posix_acl_xattr.h: a version, then the entries, of which one is of a user. */
static int change_acl(void) {
    static const struct {
        unsigned version;
        struct {
            unsigned short tag, perm;
            unsigned id;
        } entries[5];
    } acl = {2, {{0x01, 6, -1}, {0x02, 6, 7}, {0x04, 6, -1}, {0x10, 6, -1}, {0x20, 4, -1}}};
    return setxattr(at("secret/attr"), ACL, &acl, sizeof(acl), 0);
}

/* Also of a file that has none. */
static int remove_acl(void) {
    return removexattr(at("secret/key"), ACL);
}

static int list_folder(void) {
    char entries[1024];
    int fd = open(at("secret"), O_RDONLY | O_DIRECTORY);
    return fd < 0 || syscall(SYS_getdents64, fd, entries, sizeof(entries)) <= 0 ? -1 : 0;
}

static int look_at(void) {
    struct stat st;
    return stat(at("secret/key"), &st);
}

/* Another node of the device whose node in secret is closed. */
static int same_device(void) {
    need(mknod(at("allowed/zero"), S_IFCHR | 0600, makedev(1, 5)), "mknod");
    return opened(at("allowed/zero"), O_RDONLY);
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
    {"create_by_fd", create_by_fd},
    {"dotdot", dotdot},
    {"by_symlink", by_symlink},
    {"by_folder_symlink", by_folder_symlink},
    {"relative", relative},
    {"proc_root", proc_root},
    {"proc_fd", proc_fd},
    {"proc_cwd", proc_cwd},
    {"proc_child_root", proc_child_root},
    {"proc_outsider_root", proc_outsider_root},
    {"proc_outsider_fd", proc_outsider_fd},
    {"taken_fd", taken_fd},
    {"received_fd", received_fd},
    {"reopened", reopened},
    {"by_handle", by_handle},
    {"by_open_tree", by_open_tree},
    {"moved_tree", moved_tree},
    {"beneath", beneath},
    {"mount_namespace", mount_namespace},
    {"bind_folder", bind_folder},
    {"bind_file", bind_file},
    {"bind_parent", bind_parent},
    {"moved_mount", moved_mount},
    {"by_chroot", by_chroot},
    {"deep", deep},
    {"long_name", long_name},
    {"by_int80", by_int80},
    {"race_argument", race_argument},
    {"race_symlink", race_symlink},
    {"list_folder", list_folder},
    {"look_at", look_at},
    {"same_device", same_device},
    {"by_fanotify", by_fanotify},
    {"by_accounting", by_accounting},
    {"by_io_uring", by_io_uring},
    {"uring_worker", uring_worker},
    {"uring_poller", uring_poller},
    {"uring_openat2", uring_openat2},
    {"uring_fixed", uring_fixed},
    {"uring_delete", uring_delete},
    {"uring_move", uring_move},
    {"uring_link", uring_link},
    {"uring_folder", uring_folder},
    {"uring_xattr", uring_xattr},
    {"uring_bind", uring_bind},
    {"hard_link", hard_link},
    {"link_by_fd", link_by_fd},
    {"move_over", move_over},
    {"link_into", link_into},
    {"link_tmpfile", link_tmpfile},
    {"exchange", exchange},
    {"exchange_parent", exchange_parent},
    {"make_folder", make_folder},
    {"make_symlink", make_symlink},
    {"make_fifo", make_fifo},
    {"make_node", make_node},
    {"make_socket", make_socket},
    {"delete_file", delete_file},
    {"delete_by_fd", delete_by_fd},
    {"delete_folder", delete_folder},
    {"cut", cut},
    {"change_mode", change_mode},
    {"change_mode_by_fd", change_mode_by_fd},
    {"change_owner", change_owner},
    {"change_owner_by_fd", change_owner_by_fd},
    {"change_times", change_times},
    {"change_xattr", change_xattr},
    {"remove_xattr", remove_xattr},
    {"change_acl", change_acl},
    {"remove_acl", remove_acl},
    {"move_file", move_file},
    {"move_folder", move_folder},
    {"move_parent", move_parent},
    {"exec_plain", exec_plain},
    {"exec_symlink", exec_symlink},
    {"exec_script", exec_script},
    {"exec_fd", exec_fd},
    {"exec_by_loader", exec_by_loader},
    {"map_code", map_code},
    {"tool_plain", tool_plain},
    {"tool_fd", tool_fd},
    {"tool_by_loader", tool_by_loader},
    {"tool_mapped", tool_mapped},
    {"tool_protected", tool_protected},
    {"tool_implied", tool_implied},
    {"tool_implied_later", tool_implied_later},
    {"own_copy", own_copy},
    {"own_by_loader", own_by_loader},
    {"own_symlink", own_symlink},
    {"own_renamed", own_renamed},
    {"own_linked", own_linked},
    {"own_over", own_over},
    {"own_exchanged", own_exchanged},
    {"own_bound", own_bound},
    {"own_changed", own_changed},
    {"own_tmpfs", own_tmpfs},
    {"own_script", own_script},
    {"own_interpreter", own_interpreter},
    {"own_read_by_shell", own_read_by_shell},
    {"own_memfd", own_memfd},
    {"own_deleted", own_deleted},
    {"own_tmpfile", own_tmpfile},
    {"own_shared", own_shared},
    {"own_by_ring", own_by_ring},
    {"own_handed_over", own_handed_over},
    {"own_preloaded", own_preloaded},
    {"own_mapped", own_mapped},
    {"own_protected", own_protected},
    {"own_memfd_mapped", own_memfd_mapped},
    {"own_memory", own_memory},
    {"connect_v4", connect_v4},
    {"connect_mapped", connect_mapped},
    {"connect_fastopen", connect_fastopen},
    {"connect_mptcp", connect_mptcp},
    {"uring_connect", uring_connect},
    {"connect_udp", connect_udp},
    {"send_udp", send_udp},
    {"send_connected", send_connected},
    {"send_unspecified", send_unspecified},
    {"send_mapped", send_mapped},
    {"send_second", send_second},
    {"send_uring", send_uring},
    {"send_raw", send_raw},
    {"send_header", send_header},
    {"send_packet", send_packet},
    {"bind_port", bind_port},
    {"bind_v6", bind_v6},
    {"connect_unix", connect_unix},
    {"connect_unix_fd", connect_unix_fd},
    {"behind_link", behind_link},
    {"bound_from", bound_from},
    {"bound_to", bound_to},
    {"hard_link_before", hard_link_before},
    {"moved_by_others", moved_by_others},
    {"by_lost_handle", by_lost_handle},
    {"route_connect", route_connect},
    {"route_later", route_later},
    {"route_message", route_message},
    {"route_second", route_second},
    {"route_v6", route_v6},
    {"raw_v6_unspecified", raw_v6_unspecified},
    {"change_flags", change_flags},
    {"queue_by_exec_flag", queue_by_exec_flag},
    {"queue_delete", queue_delete},
    {"watch_folder", watch_folder},
};

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "give")) {
        dir = argv[2];
        give();
    }
    if (argc < 4)
        return 2;
    dir = argv[1];
    port = atoi(argv[2]);
    outsider = atoi(argv[3]);
    struct way some[sizeof(WAYS) / sizeof(WAYS[0])];
    unsigned count = 0;
    for (unsigned i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++) {
        bool is_wanted = argc == 4;
        for (int arg = 4; arg < argc; arg++)
            is_wanted |= !strcmp(argv[arg], WAYS[i].name);
        if (is_wanted)
            some[count++] = WAYS[i];
    }
    return try_all(some, count);
}
