/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one contract between the kernel programs and the loader: what a record in a ring looks like, and the maps that
 * both sides touch. Nothing here is written to disk; the loader turns records into the events of docs/events.md.
 *
 *   record = struct ag_record, then `parts` times (struct ag_part, `len` bytes), no padding anywhere
 */
#ifndef AGENTGOV_EVENTS_H
#define AGENTGOV_EVENTS_H

#include <linux/types.h>

#ifndef AG_STATIC_ASSERT
#define AG_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

/* A process: its number is used again, its number and its start (group leader, CLOCK_BOOTTIME, ns) are not. */
struct ag_id {
    __u64 start;
    __u32 pid;
    __u32 pad;
};

/* What happened. The comment names the arguments in `arg` (0 where none is named) and the parts. */
enum ag_kind {
    AG_FORK = 1,  /* of the child: pid/start are the child's, ppid the parent's; arg0 clone flags, arg1 inner pid,
                     arg2 parent start */
    AG_EXEC,      /* arg0 cgroup id, arg1 inner pid, arg2 euid, arg3 bytes of the whole argv;
                     PATH exe, CWD, ARGV; SCRIPT_ASKED (the name given to execve) and INTERP, which may be the same name
                     again: then it is no script; SCRIPT, when the file was found */
    AG_EXEC_FAIL, /* ret; ASKED, BASE, ARGV none */
    AG_EXIT,      /* arg0 wait status as the kernel keeps it (code << 8 | signal) */
    AG_OPEN,      /* ret; arg0 open flags, arg1 file->f_mode (success only); PATH, or ASKED (+ BASE) on failure */
    AG_PATH,      /* create, delete, rename, link, truncate, attributes, told apart by nr; arg0, arg1 mode or ids or
                     length; ASKED/BASE or PATH, and the same again with AG_PART_SECOND */
    AG_MOUNT,     /* mount, umount2, move_mount, pivot_root, chroot; arg0 flags; ASKED first and second */
    AG_CONNECT,   /* ret; arg0 socket type (1 stream, 2 dgram), arg1 protocol, arg2 family; SOCKADDR, second own */
    AG_BIND,      /* same */
    AG_LISTEN,    /* same, SOCKADDR is the local address */
    AG_SEND,      /* unconnected send; ret; arg0..2 same, arg3 MSG flags; SOCKADDR is the destination */
    AG_CLOSE,     /* end of a TCP connection: arg0 bytes in, arg1 bytes out; SOCKADDR peer, second own */
    AG_PRIV,      /* set*id, capset, unshare, setns: ret, arg0..2 the syscall's first arguments */
    AG_PTRACE,    /* ptrace, process_vm_*, pidfd_getfd: ret, arg0 request or 0, arg1 target pid as asked */
    AG_SIGNAL,    /* to a process outside the tree: arg0 signal, arg1 target tgid, ret */
    AG_TAMPER,    /* bpf, modules, perf, kexec: ret, arg0..1 the syscall's first arguments */
    AG_URING,     /* io_uring_setup: ret, arg0 entries, arg1 flags */
    AG_DNS,       /* a packet that came to a socket of the tree from port 53: arg0 protocol (6, 17), arg1 whole length,
                     arg2 socket (its cookie: the segments of one stream share it);
                     SOCKADDR peer, DATA from the start of the UDP or TCP payload */
    AG_OBJECT,    /* lsm and hook: the resolved object of the syscall that the same tid is in; arg0 = enum ag_op;
                     PATH first and second */
    AG_TLS,       /* of a TLS connection: arg0 its number (0: all of the process), arg3 = enum ag_tls */
    AG_GAP,       /* a call that no program was asked about which decides, found when it ended: nr; fold: the verdict
                     that it would have met, where that is known; ret of killing the process; PATH of an open or an exec */
    AG_KIND_MAX,
};

/* Loss is counted by class. The loader writes these names. */
enum ag_class {
    AG_CLASS_PROCESS,
    AG_CLASS_FILE,
    AG_CLASS_NETWORK,
    AG_CLASS_SECURITY,
    AG_CLASS_TLS,
    AG_CLASS_VERDICT, /* every record with AG_F_VERDICT */
    AG_CLASS_MAX
};

/* Why something was lost. */
enum ag_loss {
    AG_LOSS_RING_FULL,
    AG_LOSS_SCRATCH_BUSY,
    AG_LOSS_TABLE_FULL,
    AG_LOSS_UNREADABLE, /* memory of the process that could not be read */
    AG_LOSS_MAX
};

enum ag_flag {
    AG_F_FOLDS = 1 << 0,   /* the kernel counts repeats of this record under `fold` */
    AG_F_IA32 = 1 << 1,    /* nr is of the 32-bit table */
    AG_F_URING = 1 << 2,   /* done by an io_uring worker or inside io_uring_enter: there is no syscall result */
    AG_F_CREATED = 1 << 3, /* AG_OPEN: the file did not exist before */
    AG_F_VERDICT = 1 << 4, /* a policy is against it: `fold` says which rule and what came of it (policy.h); ret is
                              -errno when it was stopped */
    AG_F_WRITTEN = 1 << 5, /* AG_EXEC, AG_EXEC_FAIL: the tree has written the file of PATH */
    AG_F_SCRIPT_WRITTEN = 1 << 6, /* AG_EXEC: and that of SCRIPT */
};

#define AG_NO_NR 0xffff /* there is no system call */

struct ag_record {
    __u64 ktime; /* CLOCK_BOOTTIME, ns */
    __u64 start; /* start of the process (group leader), CLOCK_BOOTTIME, ns: with pid, the identity */
    __u64 fold;  /* key of this record in `folds`, when AG_F_FOLDS */
    __u64 arg[4];
    __s64 ret; /* result of the syscall; negative errno on failure */
    __u32 pid; /* tgid in the host's pid namespace */
    __u32 tid;
    __u32 uid;
    __u32 gid;
    __u32 ppid; /* AG_FORK and AG_EXEC: tgid of the real parent; else 0 */
    __u16 kind; /* enum ag_kind */
    __u16 nr;   /* syscall number, or AG_NO_NR */
    __u8 flags; /* enum ag_flag */
    __u8 cls;   /* enum ag_class */
    __u16 parts;
    __u32 size; /* bytes of all parts with their headers */
    char comm[16];
};
AG_STATIC_ASSERT(sizeof(struct ag_record) == 8 * 8 + 5 * 4 + 2 * 2 + 2 + 2 + 4 + 16, "no padding in ag_record");

enum ag_part_type {
    AG_PART_PATH = 1,     /* resolved: components from the leaf up to the root of the mount namespace, each followed by
                             one NUL and without slashes; no component at all is "/" */
    AG_PART_ASKED,        /* the bytes that the process gave, without the NUL */
    AG_PART_BASE,         /* resolved directory that a relative ASKED starts from, same form as PATH */
    AG_PART_CWD,          /* same form as PATH */
    AG_PART_ARGV,         /* NUL-separated as in /proc/PID/cmdline */
    AG_PART_SCRIPT_ASKED, /* as ASKED */
    AG_PART_SOCKADDR,     /* struct sockaddr_in, _in6 or _un as the kernel has it; cut to what was given */
    AG_PART_DATA,         /* bytes */
    AG_PART_INTERP,       /* AG_EXEC of a script: the interpreter's name as in the #! line */
    AG_PART_SCRIPT,       /* AG_EXEC of a script: its file; same form as PATH */
};

enum ag_part_flag {
    AG_PART_SECOND = 1 << 0,  /* the destination of a rename, link, symlink, mount */
    AG_PART_CUT = 1 << 1,     /* longer than what was kept */
    AG_PART_DELETED = 1 << 2, /* PATH: the name is already gone from its directory */
    AG_PART_OUTSIDE = 1 << 3, /* PATH: the walk ended at a mount that hangs in no visible namespace */
    AG_PART_UNREAD = 1 << 4,  /* ASKED: the memory could not be read (then empty) */
};

struct ag_part {
    __u16 len;
    __u8 type;
    __u8 flags;
};

/* What an LSM hook saw, in AG_OBJECT. */
enum ag_op {
    AG_OP_MKNOD = 1,
    AG_OP_MKDIR,
    AG_OP_UNLINK,
    AG_OP_RMDIR,
    AG_OP_SYMLINK,
    AG_OP_LINK,
    AG_OP_RENAME,
    AG_OP_TRUNCATE,
    AG_OP_CHMOD,
    AG_OP_CHOWN,
};

/* What an AG_TLS record tells. */
enum ag_tls {
    AG_TLS_BEGIN = 1, /* the connection is seen for the first time: arg1 1 when that was in its middle, arg2 enum
                         ag_tls_library */
    AG_TLS_IN,        /* plaintext read: arg1 offset in this direction, arg2 bytes of the call that follow; DATA */
    AG_TLS_OUT,       /* the same, written */
    AG_TLS_NAME,      /* the server name that was asked for: DATA */
    AG_TLS_PEER,      /* whom its socket leads to: SOCKADDR */
    AG_TLS_END,       /* its object was freed, or (number 0) the program is gone with all its connections */
    AG_TLS_HELLO,     /* in the bulk ring, number 0: a socket carries TLS, whoever makes that; as PEER */
};

enum ag_tls_library {
    AG_TLS_ANY,
    AG_TLS_OPENSSL,
    AG_TLS_GNUTLS,
    AG_TLS_BORINGSSL,
    AG_TLS_GO,
    AG_TLS_PLAIN, /* none: HTTP without TLS */
};

/* A file as the kernel knows it, and when it was last changed: a new content is a new file. */
struct ag_file {
    __u64 ino;
    __u64 changed_s; /* ctime */
    __u32 changed_ns;
    __u32 dev;
};

/* What the loader has found out about a file. */
enum ag_file_flag {
    AG_FILE_NO_TLS = 1 << 0, /* defines no function that is probed */
    AG_FILE_QUIET = 1 << 1,  /* as a program: has never mapped a file that does */
};

/* What the loader must look at to find TLS libraries, in the ring `tls_notices`. */
enum ag_notice_kind {
    AG_NOTICE_EXEC = 1, /* file: the new program; other: 1 when another thread than the first did it */
    AG_NOTICE_MAP,      /* file: mapped to be executed, at address `other` */
    AG_NOTICE_FORK,     /* of a process with probes: other is its pid */
    AG_NOTICE_EXIT,     /* of a process with probes */
    AG_NOTICE_FAILED,   /* of its functions that were not found by name one is not what it was taken for */
};
struct ag_notice {
    __u32 kind;
    __u32 pid;
    __u64 start;
    __u64 other;
    struct ag_file file;
    struct ag_file exe; /* AG_NOTICE_MAP: the program */
};

/* The programs on functions of TLS libraries (bpf/tls_programs.bpf.h); return probes of the kernel come last. */
enum ag_probe {
    AG_PROBE_ENTER,
    AG_PROBE_HANDSHAKE,
    AG_PROBE_HANDSHAKE_GNUTLS,
    AG_PROBE_FREE,
    AG_PROBE_CTRL,
    AG_PROBE_SERVER_NAME,
    AG_PROBE_TRY, /* as ENTER, of a function that is on trial */
    AG_PROBE_HANDSHAKE_BORINGSSL,
    AG_PROBE_BEGIN,
    AG_PROBE_HOST_NAME,
    AG_PROBE_GO_ENTER,
    AG_PROBE_GO_READ, /* at an instruction that returns, as the two that follow */
    AG_PROBE_GO_WRITE,
    AG_PROBE_GO_NAME,
    AG_PROBE_GO_HANDSHAKE,
    AG_PROBE_GO_CLOSE,
    AG_PROBE_NEW,
    AG_PROBE_READ,
    AG_PROBE_WRITE,
    AG_PROBE_READ_EX,
    AG_PROBE_WRITE_EX,
    AG_PROBE_MAX,
};

/* Why a process has probes: it has mapped a library, or may be about to. */
enum ag_probed { AG_PROBED_EXPECTED = 1, AG_PROBED_MAPPED };

#define AG_TLS_CHUNK 16384 /* bytes of one record: a TLS record's plaintext is not longer */
#define AG_TLS_FILES_MAX 16384
#define AG_TLS_PROCESSES_MAX 16384

#define AG_PATH_MAX 4096
#define AG_ARGV_MAX 16384
#define AG_DNS_MAX 4096
#define AG_SLOTS_PER_CPU 4 /* records under construction at once on one CPU (bpf/emit.bpf.h) */

/* Several copies of each program that decides, and a note for each thread (bpf/copies.bpf.h): key = tid / AG_NOTE_ROW.
 */
#define AG_COPIES 3
#define AG_NOTE_ROW 64
#define AG_NOTE_ROWS 65536
struct ag_note {
    __u32 asked;   /* bits, see copies.bpf.h */
    __u32 program; /* which file an execve was last asked about */
};
struct ag_note_row {
    struct ag_note slot[AG_NOTE_ROW];
};

/* First-seen filter: how many *further* times a process did the same thing (running total, never reset). */
struct ag_fold_key {
    __u64 start;
    __u64 hash;
    __u32 pid;
    __u32 pad;
};
enum ag_fold_state { AG_FOLD_PENDING, AG_FOLD_SEEN };
struct ag_fold {
    __u64 count;
    __u64 state; /* only AG_FOLD_SEEN counts; set after the record is in its ring */
};
#define AG_FOLDS_MAX 65536

/*
 * A file that the tree has written (bpf/written.bpf.h), as the kernel numbers it: sb->s_dev, and what tells it from the
 * next one with the same number.
 */
struct ag_written {
    __u64 ino;
    __u32 dev;
    __u32 generation;
};
#define AG_WRITTEN_MAX (1u << 18)

/* Once a file has found no room among them, all that was changed since agentgov began counts as written. */
enum ag_unmarked {
    AG_UNMARKED_SINCE, /* CLOCK_REALTIME, s */
    AG_UNMARKED_LOST,  /* 1: there was such a file */
    AG_UNMARKED_ROWS,
};

#define AG_CONNS_MAX 65536 /* TCP connections of the tree at once; further ones are counted as lost */

/* Only while a running tree is attached to: every fork edge of the machine, child -> parent, as struct ag_id. */
#define AG_EDGES_MAX 65536

/* Per CPU, cumulative. */
struct ag_counters {
    __u64 emitted[AG_CLASS_MAX];
    __u64 lost[AG_CLASS_MAX][AG_LOSS_MAX];
};

#endif
