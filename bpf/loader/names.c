/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include "names.h"

#define N(x)                                                                                                           \
    { x, #x }
#define END                                                                                                            \
    { 0, NULL }

/*
 * Access is a field of its own and O_LARGEFILE says nothing. A name that is made of several bits comes before the one
 * that is part of it. The constants are this processor's: arm64 has other bits for some.
 */
const struct name OPEN_FLAGS[] = {
    N(O_CREAT),    N(O_EXCL),    N(O_NOCTTY),  N(O_TRUNC),  N(O_APPEND),  N(O_NONBLOCK),
    N(O_SYNC),     N(O_DSYNC),   N(O_ASYNC),   N(O_DIRECT), N(O_TMPFILE), N(O_DIRECTORY),
    N(O_NOFOLLOW), N(O_NOATIME), N(O_CLOEXEC), N(O_PATH),   END,
};

#define NAMESPACES                                                                                                     \
    N(CLONE_NEWNS), N(CLONE_NEWCGROUP), N(CLONE_NEWUTS), N(CLONE_NEWIPC), N(CLONE_NEWUSER), N(CLONE_NEWPID),           \
        N(CLONE_NEWNET)

/* In a clone() the bit of CLONE_NEWTIME is part of the exit signal. */
const struct name CLONE_NAMESPACES[] = {NAMESPACES, END};

const struct name CLONE_FLAGS[] = {NAMESPACES, {0x80, "CLONE_NEWTIME"}, N(CLONE_FS), N(CLONE_FILES), END};

const struct name RENAME_FLAGS[] = {
    {1, "RENAME_NOREPLACE"},
    {2, "RENAME_EXCHANGE"},
    {4, "RENAME_WHITEOUT"},
    END,
};

const struct name MOUNT_FLAGS[] = {
    N(MS_RDONLY), N(MS_NOSUID), N(MS_NODEV),      N(MS_NOEXEC),  N(MS_REMOUNT), N(MS_NOATIME), N(MS_BIND),
    N(MS_MOVE),   N(MS_REC),    N(MS_UNBINDABLE), N(MS_PRIVATE), N(MS_SLAVE),   N(MS_SHARED),  END,
};

const struct name URING_FLAGS[] = {
    N(IORING_SETUP_IOPOLL), N(IORING_SETUP_SQPOLL), N(IORING_SETUP_SQ_AFF), N(IORING_SETUP_R_DISABLED), END,
};

/* The requests that reach into another process; the values are the same on every processor. */
static const struct name PTRACE_REQUESTS[] = {
    {0, "PTRACE_TRACEME"},
    {1, "PTRACE_PEEKTEXT"},
    {2, "PTRACE_PEEKDATA"},
    {3, "PTRACE_PEEKUSER"},
    {4, "PTRACE_POKETEXT"},
    {5, "PTRACE_POKEDATA"},
    {6, "PTRACE_POKEUSER"},
    {7, "PTRACE_CONT"},
    {8, "PTRACE_KILL"},
    {9, "PTRACE_SINGLESTEP"},
    {12, "PTRACE_GETREGS"},
    {13, "PTRACE_SETREGS"},
    {14, "PTRACE_GETFPREGS"},
    {15, "PTRACE_SETFPREGS"},
    {16, "PTRACE_ATTACH"},
    {17, "PTRACE_DETACH"},
    {24, "PTRACE_SYSCALL"},
    {0x4200, "PTRACE_SETOPTIONS"},
    {0x4201, "PTRACE_GETEVENTMSG"},
    {0x4202, "PTRACE_GETSIGINFO"},
    {0x4203, "PTRACE_SETSIGINFO"},
    {0x4204, "PTRACE_GETREGSET"},
    {0x4205, "PTRACE_SETREGSET"},
    {0x4206, "PTRACE_SEIZE"},
    {0x4207, "PTRACE_INTERRUPT"},
    {0x4208, "PTRACE_LISTEN"},
    {0x4209, "PTRACE_PEEKSIGINFO"},
    {0x420c, "PTRACE_SECCOMP_GET_FILTER"},
    {0x420e, "PTRACE_GET_SYSCALL_INFO"},
    END,
};

static const struct name SIGNALS[] = {
    N(SIGHUP),  N(SIGINT),    N(SIGQUIT), N(SIGILL),   N(SIGTRAP), N(SIGABRT), N(SIGBUS),  N(SIGFPE),
    N(SIGKILL), N(SIGUSR1),   N(SIGSEGV), N(SIGUSR2),  N(SIGPIPE), N(SIGALRM), N(SIGTERM), N(SIGSTKFLT),
    N(SIGCHLD), N(SIGCONT),   N(SIGSTOP), N(SIGTSTP),  N(SIGTTIN), N(SIGTTOU), N(SIGURG),  N(SIGXCPU),
    N(SIGXFSZ), N(SIGVTALRM), N(SIGPROF), N(SIGWINCH), N(SIGIO),   N(SIGPWR),  N(SIGSYS),  END,
};

static const struct name BPF_COMMANDS[] = {
    N(BPF_MAP_CREATE),
    N(BPF_MAP_LOOKUP_ELEM),
    N(BPF_MAP_UPDATE_ELEM),
    N(BPF_MAP_DELETE_ELEM),
    N(BPF_MAP_GET_NEXT_KEY),
    N(BPF_PROG_LOAD),
    N(BPF_OBJ_PIN),
    N(BPF_OBJ_GET),
    N(BPF_PROG_ATTACH),
    N(BPF_PROG_DETACH),
    N(BPF_PROG_TEST_RUN),
    N(BPF_PROG_GET_NEXT_ID),
    N(BPF_MAP_GET_NEXT_ID),
    N(BPF_PROG_GET_FD_BY_ID),
    N(BPF_MAP_GET_FD_BY_ID),
    N(BPF_OBJ_GET_INFO_BY_FD),
    N(BPF_PROG_QUERY),
    N(BPF_RAW_TRACEPOINT_OPEN),
    N(BPF_BTF_LOAD),
    N(BPF_BTF_GET_FD_BY_ID),
    N(BPF_TASK_FD_QUERY),
    N(BPF_MAP_LOOKUP_AND_DELETE_ELEM),
    N(BPF_MAP_FREEZE),
    N(BPF_BTF_GET_NEXT_ID),
    N(BPF_MAP_LOOKUP_BATCH),
    N(BPF_MAP_LOOKUP_AND_DELETE_BATCH),
    N(BPF_MAP_UPDATE_BATCH),
    N(BPF_MAP_DELETE_BATCH),
    N(BPF_LINK_CREATE),
    N(BPF_LINK_UPDATE),
    N(BPF_LINK_GET_FD_BY_ID),
    N(BPF_LINK_GET_NEXT_ID),
    N(BPF_ENABLE_STATS),
    N(BPF_ITER_CREATE),
    N(BPF_LINK_DETACH),
    N(BPF_PROG_BIND_MAP),
    END,
};

const char *const CLASS_NAMES[AG_CLASS_MAX] = {
    [AG_CLASS_PROCESS] = "process",   [AG_CLASS_FILE] = "file", [AG_CLASS_NETWORK] = "network",
    [AG_CLASS_SECURITY] = "security", [AG_CLASS_TLS] = "tls",   [AG_CLASS_VERDICT] = "verdict",
};

const char *const LOSS_NAMES[AG_LOSS_MAX] = {
    [AG_LOSS_RING_FULL] = "ring_full",
    [AG_LOSS_SCRATCH_BUSY] = "scratch_busy",
    [AG_LOSS_TABLE_FULL] = "table_full",
    [AG_LOSS_UNREADABLE] = "unreadable",
};

size_t names_flags(struct buf *out, const struct name *table, uint64_t flags) {
    size_t before = out->len;
    for (; table->text; table++) {
        if ((flags & table->number) != table->number)
            continue;
        flags &= ~table->number;
        buf_put(out, out->len == before ? "[\"" : ", \"", out->len == before ? 2 : 3);
        buf_str(out, table->text);
        buf_char(out, '"');
    }
    if (out->len != before)
        buf_char(out, ']');
    return out->len - before;
}

static void put_name(struct buf *out, const struct name *table, uint64_t number) {
    buf_char(out, '"');
    while (table->text && table->number != number)
        table++;
    if (table->text)
        buf_str(out, table->text);
    else
        buf_u64(out, number);
    buf_char(out, '"');
}

void names_signal(struct buf *out, unsigned number) {
    const struct name *name = SIGNALS;
    while (name->text && name->number != number)
        name++;
    buf_char(out, '"');
    if (name->text) {
        buf_str(out, name->text);
    } else if (number >= 32 && number <= 64) { /* from the kernel's own first one; the C library keeps two to itself */
        buf_str(out, "SIGRTMIN+");
        buf_u64(out, number - 32);
    } else {
        buf_str(out, "SIG"); /* kill(pid, 0), and what nobody defined */
        buf_u64(out, number);
    }
    buf_char(out, '"');
}

void names_ptrace(struct buf *out, uint64_t number) {
    put_name(out, PTRACE_REQUESTS, number);
}

void names_bpf(struct buf *out, uint64_t number) {
    put_name(out, BPF_COMMANDS, number);
}

static const char *inet_protocol(unsigned type, unsigned protocol) {
    switch (protocol) {
    case IPPROTO_TCP:
        return "tcp";
    case IPPROTO_UDP:
        return "udp";
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return type == SOCK_RAW ? "raw" : "icmp";
    case IPPROTO_SCTP:
        return "sctp";
    case IPPROTO_DCCP:
        return "dccp";
    case IPPROTO_UDPLITE:
        return "udplite";
    case 262: /* IPPROTO_MPTCP; sk_protocol holds it since 5.6 */
        return "mptcp";
    }
    if (type == SOCK_RAW)
        return "raw";
    return type == SOCK_STREAM ? "tcp" : type == SOCK_DGRAM ? "udp" : NULL;
}

void names_protocol(struct buf *out, unsigned family, unsigned type, unsigned protocol) {
    const char *name = NULL;
    switch (family) {
    case AF_UNIX:
        name = type == SOCK_STREAM ? "unix-stream" : type == SOCK_DGRAM ? "unix-dgram" : "unix-seqpacket";
        break;
    case AF_INET:
    case AF_INET6:
        name = inet_protocol(type, protocol);
        break;
    case AF_NETLINK:
        name = "netlink";
        break;
    case AF_PACKET:
        name = "packet";
        break;
    case AF_ALG:
        name = "alg";
        break;
    case AF_VSOCK:
        name = "vsock";
        break;
    case AF_BLUETOOTH:
        name = "bluetooth";
        break;
    case AF_XDP:
        name = "xdp";
        break;
    }
    buf_char(out, '"');
    if (name) {
        buf_str(out, name);
    } else {
        buf_str(out, "family-");
        buf_u64(out, family);
    }
    buf_char(out, '"');
}
