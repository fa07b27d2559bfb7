/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscalls RECORD SCRIPT: makes exactly the system calls that SCRIPT lists, and records what the kernel answered.
 * Linked statically and free of stdio, so that a test knows each one. A line of SCRIPT is words, parted by one space:
 *
 *   call LABEL NR ARG...     a system call by its number; call32 = through int 0x80, by its 32-bit number
 *   send LABEL FD COUNT      writes COUNT bytes, all of them
 *   recv LABEL FD            reads to the end
 *   fork LABEL ... end       the lines between run in a child that then exits with 0; the parent waits for it
 *   exit CODE | raise SIGNAL | sleep MS
 *   ready                    prints "ready" and waits for a line, or the end, of standard input
 *
 *   ARG   iN integer   sHEX string   bHEX bytes   @NAME result of an earlier call   &NAME earlier bytes again
 *         vHEX,HEX... strings and a null pointer (w: as 32-bit pointers)   mADDRESS:DATA,... array of struct mmsghdr
 *         A trailing =NAME on b keeps the bytes, on LABEL the result.
 *
 * The record has "LABEL PID RESULT ERRNO" for each call, send and recv, "LABEL PID PARENT STATUS" for each fork (PID is
 * the child; STATUS is its exit code or -signal).
 */
#include "common.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define NAMES_MAX 64
#define ARENA (4 << 20)

struct name {
    char text[32];
    long value;
};
static struct name names[NAMES_MAX];
static int names_used;

/* Asked once: after a chroot there is no /proc to ask. */
static pid_t self;

/* All that a call points to lies below 4 GB, so that a 32-bit call can be given it. */
static char *arena;
static size_t arena_used;

static void *keep(size_t size) {
    char *at = arena + arena_used;
    arena_used += (size + 15) & ~15ul;
    if (arena_used > ARENA)
        die("arena");
    return at;
}

static void set_name(const char *text, long value) {
    struct name *name = 0;
    for (int i = 0; i < names_used; i++)
        if (!strcmp(names[i].text, text))
            name = &names[i];
    if (!name && names_used < NAMES_MAX)
        name = &names[names_used++];
    if (!name || strlen(text) >= sizeof name->text)
        die("names");
    strcpy(name->text, text);
    name->value = value;
}

static long get_name(const char *text) {
    for (int i = 0; i < names_used; i++)
        if (!strcmp(names[i].text, text))
            return names[i].value;
    die(text);
}

static int digit(char c) {
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Takes hex digits from *from until something else comes; a NUL follows the bytes. */
static char *bytes(char **from, size_t *size) {
    size_t digits = strspn(*from, "0123456789abcdef");
    char *at = keep(digits / 2 + 1);
    for (size_t i = 0; i < digits / 2; i++)
        at[i] = digit((*from)[2 * i]) << 4 | digit((*from)[2 * i + 1]);
    at[digits / 2] = 0;
    *from += digits;
    if (size)
        *size = digits / 2;
    return at;
}

static long vector(char *from, size_t width) {
    int count = 1;
    for (char *c = from; *c; c++)
        count += *c == ',';
    char *at = keep((count + 1) * width);
    memset(at, 0, (count + 1) * width);
    for (int i = 0; i < count; i++, from++) {
        uint64_t pointer = (uintptr_t)bytes(&from, 0);
        memcpy(at + i * width, &pointer, width);
    }
    return (long)at;
}

static long messages(char *from) {
    int count = 1;
    for (char *c = from; *c; c++)
        count += *c == ',';
    struct mmsghdr *all = keep(count * sizeof *all);
    memset(all, 0, count * sizeof *all);
    for (int i = 0; i < count; i++, from++) {
        size_t size;
        struct iovec *part = keep(sizeof *part);
        all[i].msg_hdr.msg_name = bytes(&from, &size);
        all[i].msg_hdr.msg_namelen = size;
        from++;
        part->iov_base = bytes(&from, &size);
        part->iov_len = size;
        all[i].msg_hdr.msg_iov = part;
        all[i].msg_hdr.msg_iovlen = 1;
    }
    return (long)all;
}

static long argument(char *word) {
    char *rest = word + 1;
    long value;
    switch (*word) {
    case 'i':
        return strtol(rest, 0, 10);
    case 's':
        return (long)bytes(&rest, 0);
    case 'b':
        value = (long)bytes(&rest, 0);
        if (*rest == '=')
            set_name(rest + 1, value);
        return value;
    case '@':
    case '&':
        return get_name(rest);
    case 'v':
        return vector(rest, 8);
    case 'w':
        return vector(rest, 4);
    case 'm':
        return messages(rest);
    }
    errno = EINVAL;
    die(word);
}

static long call64(long nr, const long *a) {
    register long r10 __asm__("r10") = a[3];
    register long r8 __asm__("r8") = a[4];
    register long r9 __asm__("r9") = a[5];
    long ret;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

/* Five arguments are enough for what the tests call this way. */
static long call32(long nr, const long *a) {
    int ret;
    __asm__ volatile("int $0x80"
                     : "=a"(ret)
                     : "a"((int)nr), "b"((int)a[0]), "c"((int)a[1]), "d"((int)a[2]), "S"((int)a[3]), "D"((int)a[4])
                     : "r8", "r9", "r10", "r11", "memory");
    return ret;
}

static void said(char *label, long ret) {
    char *name = strchr(label, '=');
    if (name) {
        *name = 0;
        set_name(name + 1, ret);
    }
    record("%s %d %ld %ld", label, self, ret < 0 ? -1 : ret, ret < 0 ? -ret : 0);
}

static long transfer(int sending, int fd, long count) {
    static char chunk[65536];
    long done = 0;
    while (!sending || done < count) {
        size_t size = sending && count - done < (long)sizeof chunk ? (size_t)(count - done) : sizeof chunk;
        ssize_t some = sending ? send(fd, chunk, size, MSG_NOSIGNAL) : read(fd, chunk, size);
        if (some < 0)
            return -errno;
        if (some == 0)
            break;
        done += some;
    }
    return done;
}

static char *next_word(char **line) {
    char *word = strsep(line, " ");
    if (!word)
        die("a word is missing");
    return word;
}

static char *run(char *script, int depth);

static void forked(char **script, char *label) {
    pid_t parent = self;
    /* The child's pid as we see it may be an inner one; it says itself who it is outside. */
    int tell[2];
    if (pipe2(tell, O_CLOEXEC))
        die("pipe");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        self = access("/proc/self", F_OK) ? getpid() : host_pid();
        if (write(tell[1], &self, sizeof self) != sizeof self)
            die("tell");
        close(tell[0]);
        close(tell[1]);
        run(*script, 1);
        _exit(0);
    }
    pid_t outside;
    int status;
    if (read(tell[0], &outside, sizeof outside) != sizeof outside || waitpid(child, &status, 0) != child)
        die("waitpid");
    close(tell[0]);
    close(tell[1]);
    record("%s %d %d %d", label, outside, parent, WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status));
    for (int depth = 1; depth > 0;) {
        char *line = strsep(script, "\n");
        if (!line)
            die("end is missing");
        depth += !strncmp(line, "fork ", 5) - !strcmp(line, "end");
    }
}

static void run_line(char **script, char *line) {
    char *word = next_word(&line);
    if (!strcmp(word, "call") || !strcmp(word, "call32")) {
        long args[6] = {0};
        int wide = !word[4];
        char *label = next_word(&line);
        long nr = atol(next_word(&line));
        for (int i = 0; i < 6 && line; i++)
            args[i] = argument(next_word(&line));
        said(label, wide ? call64(nr, args) : call32(nr, args));
    } else if (!strcmp(word, "send") || !strcmp(word, "recv")) {
        char *label = next_word(&line);
        int fd = argument(next_word(&line));
        said(label, transfer(*word == 's', fd, *word == 's' ? atol(next_word(&line)) : 0));
    } else if (!strcmp(word, "fork")) {
        forked(script, next_word(&line));
    } else if (!strcmp(word, "exit")) {
        _exit(atoi(next_word(&line)));
    } else if (!strcmp(word, "raise")) {
        int which = atoi(next_word(&line));
        signal(which, SIG_DFL);
        kill(getpid(), which);
    } else if (!strcmp(word, "sleep")) {
        usleep(1000 * atoi(next_word(&line)));
    } else if (!strcmp(word, "ready")) {
        char byte;
        if (write(1, "ready\n", 6) != 6)
            die("ready");
        while (read(0, &byte, 1) == 1 && byte != '\n')
            ;
    } else {
        errno = EINVAL;
        die(word);
    }
}

/* Runs to the end of the script, or to the end of the forked block that we are in. Children keep names, not each
 * other's. */
static char *run(char *script, int depth) {
    while (script && *script) {
        char *line = strsep(&script, "\n");
        if (depth && !strcmp(line, "end"))
            return script;
        if (*line) {
            /* What a call was given is no longer needed, unless it has a name. */
            size_t before = arena_used;
            int kept = names_used;
            run_line(&script, line);
            if (kept == names_used)
                arena_used = before;
        }
    }
    return script;
}

int main(int argc, char **argv) {
    if (argc != 3)
        die("usage: syscalls RECORD SCRIPT");
    arena = mmap(0, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (arena == MAP_FAILED)
        die("mmap");
    self = host_pid();
    record_to(argv[1]);
    int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    char *script = size < 0 ? 0 : malloc(size + 1);
    if (!script || pread(fd, script, size, 0) != size)
        die(argv[2]);
    script[size] = 0;
    close(fd);
    run(script, 0);
    return 0;
}
