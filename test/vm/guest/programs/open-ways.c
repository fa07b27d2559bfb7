/*
 * Opens files of one folder under every spelling that leads there: open-ways DIR NAME.
 * The file of a way is DIR/NAME-way (or as the test says); the program fails at the first open that fails.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *dir, *name;

static void must(int result, const char *what) {
    if (result >= 0)
        return;
    perror(what);
    exit(1);
}

static char *spell(const char *format, const char *first, const char *way) {
    char *text = NULL;
    must(asprintf(&text, format, first, name, way), "asprintf");
    return text;
}

static void open_at(int at, const char *path) {
    int fd = openat(at, path, O_RDONLY);
    must(fd, path);
    close(fd);
}

static void open_from(const char *path) {
    open_at(AT_FDCWD, path);
}

/* In a child, so that what it does to its root or its mounts ends with it. */
static void apart(void (*work)(void)) {
    int status;
    pid_t child = fork();
    must(child, "fork");
    if (!child) {
        work();
        exit(0);
    }
    must(waitpid(child, &status, 0), "waitpid");
    if (status)
        exit(1);
}

static void in_chroot(void) {
    must(chroot(spell("%s/jail", dir, "")), "chroot");
    must(chdir("/"), "chdir");
    open_from(spell("%s/%s-%s", "", "chroot"));
}

static void own_mounts(void) {
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount --make-rprivate");
}

static void in_own_mount(void) {
    own_mounts();
    must(mount("tmpfs", spell("%s/mnt", dir, ""), "tmpfs", 0, NULL), "mount tmpfs");
    int fd = open(spell("%s/mnt/%s-%s", dir, "mountns"), O_WRONLY | O_CREAT, 0600);
    must(fd, "create in the own mount");
    close(fd);
}

static void in_bind_mount(void) {
    own_mounts();
    must(mount(spell("%s/jail", dir, ""), spell("%s/bind", dir, ""), NULL, MS_BIND, NULL), "mount --bind");
    open_from(spell("%s/bind/%s-%s", dir, "bind"));
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    dir = argv[1];
    name = argv[2];
    must(chdir(dir), "chdir");
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    must(fd, dir);

    open_from(spell("%s%s-%s", "", "relative"));
    open_from(spell("%s%s-%s", "./", "dot"));
    open_from(spell("%s%s-%s", "jail/../", "dotdot"));
    open_from(spell("%s//jail///..//%s-%s", dir, "slashes"));
    open_at(fd, spell("%s%s-%s", "", "dirfd"));
    open_from(spell("%s%s-link-to-%s", "", "symlink"));
    open_from(spell("%slinked-folder/%s-%s", "", "through-symlink"));
    open_from(spell("/proc/self/root%s/%s-%s", dir, "proc-root"));
    char *through = NULL;
    must(asprintf(&through, "/proc/self/fd/%d/%s-proc-fd", fd, name), "asprintf");
    open_from(through);
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
    must(syscall(SYS_openat2, fd, spell("%s%s-%s", "", "openat2"), &how, sizeof(how)), "openat2");

    char deep[4096] = "";
    for (int i = 0; i < 60; i++)
        strcat(deep, "deep/");
    open_from(spell("%s%s-%s", deep, "deep"));

    apart(in_chroot);
    apart(in_own_mount);
    apart(in_bind_mount);
    return 0;
}
