/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one table of system calls: what each becomes, and which argument is what. Both numberings come from the kernel's
 * own headers; a call that one of them lacks is -1 there.
 */
#include <stdint.h>
#include "include/events.h"
#include "layouts.h"
#include "numbers.h"

#define NONE AG_NO_ARG
#define CWD AG_DIR_CWD
#define ASKED 1 /* struct ag_layout */

/* clang-format off */
#define CALL(call, asked_, h, k, c, f, p0, d0, p1, d1, fd_, text_, v0, v1, v2)                                         \
    {#call, NR_##call, NR32_##call,                                                                                    \
     {.handler = h, .kind = k, .cls = c, .flags = f, .path = {p0, p1}, .dir = {d0, d1}, .fd = fd_, .text = text_,      \
      .value = {v0, v1, v2}, .asked = asked_}}

#define OPEN(call, f, p0, d0, flags_arg)                                                                               \
    CALL(call, ASKED, AG_H_OPEN, AG_OPEN, AG_CLASS_FILE, f, p0, d0, NONE, NONE, NONE, NONE, flags_arg, NONE, NONE)
#define ONE(call, p0, d0, v0, v1)                                                                                      \
    CALL(call, ASKED, AG_H_PATH, AG_PATH, AG_CLASS_FILE, 0, p0, d0, NONE, NONE, NONE, NONE, v0, v1, NONE)
#define NODE(call, p0, d0, v0, v1)                                                                                     \
    CALL(call, 0, AG_H_PATH, AG_PATH, AG_CLASS_FILE, 0, p0, d0, NONE, NONE, NONE, NONE, v0, v1, NONE)
#define TWO(call, f, p0, d0, p1, d1, v0)                                                                               \
    CALL(call, ASKED, AG_H_PATH, AG_PATH, AG_CLASS_FILE, f, p0, d0, p1, d1, NONE, NONE, v0, NONE, NONE)
#define ATTR(call, asked_, p0, d0, text_, v0, v1)                                                                      \
    CALL(call, asked_, AG_H_PATH, AG_PATH, AG_CLASS_FILE, AG_L_FOLDS, p0, d0, NONE, NONE, NONE, text_, v0, v1, NONE)
#define FDATTR(call, asked_, text_, v0, v1)                                                                            \
    CALL(call, asked_, AG_H_PATH, AG_PATH, AG_CLASS_FILE, AG_L_FOLDS, NONE, NONE, NONE, NONE, 0, text_, v0, v1, NONE)
#define MOUNT(call, p0, d0, p1, d1, v0)                                                                                \
    CALL(call, 0, AG_H_PATH, AG_MOUNT, AG_CLASS_SECURITY, AG_L_CRITICAL, p0, d0, p1, d1, NONE, NONE, v0, NONE, NONE)
#define ACCEPT(call)                                                                                                   \
    CALL(call, 0, AG_H_ACCEPT, AG_CLOSE, AG_CLASS_NETWORK, 0, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE)
#define SOCKET(call, k)                                                                                                \
    CALL(call, ASKED, AG_H_SOCKET, k, AG_CLASS_NETWORK, 0, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE)
#define SEND(call, f, buffer_, msg_flags)                                                                              \
    {#call, NR_##call, NR32_##call,                                                                                    \
     {.handler = AG_H_SEND, .kind = AG_SEND, .cls = AG_CLASS_NETWORK, .flags = f, .value = {msg_flags, NONE, NONE},    \
      .moves = AG_MOVES_OUT, .buffer = buffer_, .asked = ASKED}}
#define MOVES(call, where, buffer_, msg_flags)                                                                         \
    {#call, NR_##call, NR32_##call,                                                                                    \
     {.handler = AG_H_NONE, .cls = AG_CLASS_TLS, .value = {msg_flags, NONE, NONE}, .moves = where, .buffer = buffer_}}
#define MAPS(call)                                                                                                     \
    {#call, NR_##call, NR32_##call, {.handler = AG_H_MMAP, .cls = AG_CLASS_TLS}}
#define MISC(call, k, f, v0, v1, v2)                                                                                   \
    CALL(call, 0, AG_H_MISC, k, AG_CLASS_SECURITY, AG_L_CRITICAL | (f), NONE, NONE, NONE, NONE, NONE, NONE, v0, v1, v2)
#define SIGNAL(call, v0, v1)                                                                                           \
    CALL(call, ASKED, AG_H_MISC, AG_SIGNAL, AG_CLASS_SECURITY, AG_L_CRITICAL | AG_L_ONLY_FAILED | AG_L_FOLDS, NONE,    \
         NONE, NONE, NONE, NONE, NONE, v0, v1, NONE)

const struct syscall_layout syscall_layouts[] = {
    OPEN(open, 0, 0, CWD, 1),
    OPEN(creat, AG_L_CREAT, 0, CWD, NONE),
    OPEN(openat, 0, 1, 0, 2),
    OPEN(openat2, AG_L_OPEN_HOW, 1, 0, 2),
    OPEN(open_by_handle_at, 0, NONE, NONE, 2),

    ONE(mkdir, 0, CWD, 1, NONE),
    ONE(mkdirat, 1, 0, 2, NONE),
    NODE(mknod, 0, CWD, 1, 2),
    NODE(mknodat, 1, 0, 2, 3),
    ONE(unlink, 0, CWD, NONE, NONE),
    ONE(unlinkat, 1, 0, 2, NONE),
    ONE(rmdir, 0, CWD, NONE, NONE),
    TWO(rename, 0, 0, CWD, 1, CWD, NONE),
    TWO(renameat, 0, 1, 0, 3, 2, NONE),
    TWO(renameat2, 0, 1, 0, 3, 2, 4),
    TWO(link, 0, 0, CWD, 1, CWD, NONE),
    TWO(linkat, 0, 1, 0, 3, 2, 4),
    TWO(symlink, AG_L_TARGET_TEXT, 0, NONE, 1, CWD, NONE),
    TWO(symlinkat, AG_L_TARGET_TEXT, 0, NONE, 2, 1, NONE),

    ATTR(truncate, ASKED, 0, CWD, NONE, 1, NONE),
    ATTR(truncate64, ASKED, 0, CWD, NONE, 1, 2),
    FDATTR(ftruncate, ASKED, NONE, 1, NONE),
    FDATTR(ftruncate64, ASKED, NONE, 1, 2),
    ATTR(chmod, ASKED, 0, CWD, NONE, 1, NONE),
    FDATTR(fchmod, ASKED, NONE, 1, NONE),
    ATTR(fchmodat, ASKED, 1, 0, NONE, 2, NONE),
    ATTR(fchmodat2, ASKED, 1, 0, NONE, 2, NONE),
    ATTR(chown, 0, 0, CWD, NONE, 1, 2),
    ATTR(lchown, 0, 0, CWD, NONE, 1, 2),
    ATTR(chown32, 0, 0, CWD, NONE, 1, 2),
    ATTR(lchown32, 0, 0, CWD, NONE, 1, 2),
    FDATTR(fchown, 0, NONE, 1, 2),
    FDATTR(fchown32, 0, NONE, 1, 2),
    ATTR(fchownat, 0, 1, 0, NONE, 2, 3),
    ATTR(utime, 0, 0, CWD, NONE, NONE, NONE),
    ATTR(utimes, 0, 0, CWD, NONE, NONE, NONE),
    ATTR(futimesat, 0, 1, 0, NONE, NONE, NONE),
    ATTR(utimensat, 0, 1, 0, NONE, NONE, NONE),
    ATTR(utimensat_time64, 0, 1, 0, NONE, NONE, NONE),
    ATTR(setxattr, 0, 0, CWD, 1, NONE, NONE),
    ATTR(lsetxattr, 0, 0, CWD, 1, NONE, NONE),
    FDATTR(fsetxattr, 0, 1, NONE, NONE),
    ATTR(removexattr, 0, 0, CWD, 1, NONE, NONE),
    ATTR(lremovexattr, 0, 0, CWD, 1, NONE, NONE),
    FDATTR(fremovexattr, 0, 1, NONE, NONE),
    ATTR(setxattrat, 0, 1, 0, 3, NONE, NONE),
    ATTR(removexattrat, 0, 1, 0, 3, NONE, NONE),

    MOUNT(mount, 0, CWD, 1, CWD, 3),
    MOUNT(umount, 0, CWD, NONE, NONE, NONE),
    MOUNT(umount2, 0, CWD, NONE, NONE, 1),
    MOUNT(move_mount, 1, 0, 3, 2, 4),
    MOUNT(pivot_root, 0, CWD, 1, CWD, NONE),
    MOUNT(chroot, 0, CWD, NONE, NONE, NONE),

    CALL(execve, 0, AG_H_PATH, AG_EXEC_FAIL, AG_CLASS_PROCESS, AG_L_CRITICAL | AG_L_ONLY_FAILED, 0, CWD, NONE, NONE, NONE,
         NONE, NONE, NONE, NONE),
    CALL(execveat, 0, AG_H_PATH, AG_EXEC_FAIL, AG_CLASS_PROCESS, AG_L_CRITICAL | AG_L_ONLY_FAILED, 1, 0, NONE, NONE, NONE,
         NONE, 4, NONE, NONE),

    SOCKET(connect, AG_CONNECT),
    SOCKET(bind, AG_BIND),
    SOCKET(listen, AG_LISTEN),
    ACCEPT(accept),
    ACCEPT(accept4),
    SEND(sendto, 0, AG_BUFFER_ONE, 3),
    SEND(sendmsg, AG_L_MSG, AG_BUFFER_MSG, 2),
    SEND(sendmmsg, AG_L_MMSG, AG_BUFFER_NONE, NONE),

    MOVES(read, AG_MOVES_IN, AG_BUFFER_ONE, NONE),
    MOVES(write, AG_MOVES_OUT, AG_BUFFER_ONE, NONE),
    MOVES(readv, AG_MOVES_IN, AG_BUFFER_IOV, NONE),
    MOVES(writev, AG_MOVES_OUT, AG_BUFFER_IOV, NONE),
    MOVES(recvfrom, AG_MOVES_IN, AG_BUFFER_ONE, 3),
    MOVES(recvmsg, AG_MOVES_IN, AG_BUFFER_MSG, 2),
    MAPS(mmap),

    MISC(setuid, AG_PRIV, 0, 0, NONE, NONE),
    MISC(setgid, AG_PRIV, 0, 0, NONE, NONE),
    MISC(setreuid, AG_PRIV, 0, 0, 1, NONE),
    MISC(setregid, AG_PRIV, 0, 0, 1, NONE),
    MISC(setresuid, AG_PRIV, 0, 0, 1, 2),
    MISC(setresgid, AG_PRIV, 0, 0, 1, 2),
    MISC(setfsuid, AG_PRIV, 0, 0, NONE, NONE),
    MISC(setfsgid, AG_PRIV, 0, 0, NONE, NONE),
    MISC(setgroups, AG_PRIV, 0, 0, NONE, NONE),
    MISC(setuid32, AG_PRIV, 0, 0, NONE, NONE),
    MISC(setgid32, AG_PRIV, 0, 0, NONE, NONE),
    MISC(setreuid32, AG_PRIV, 0, 0, 1, NONE),
    MISC(setregid32, AG_PRIV, 0, 0, 1, NONE),
    MISC(setresuid32, AG_PRIV, 0, 0, 1, 2),
    MISC(setresgid32, AG_PRIV, 0, 0, 1, 2),
    MISC(setgroups32, AG_PRIV, 0, 0, NONE, NONE),
    MISC(capset, AG_PRIV, 0, NONE, NONE, NONE),
    MISC(unshare, AG_PRIV, 0, 0, NONE, NONE),
    MISC(setns, AG_PRIV, 0, 1, NONE, NONE),

    MISC(ptrace, AG_PTRACE, AG_L_FOLDS, 0, 1, NONE),
    MISC(process_vm_readv, AG_PTRACE, AG_L_FOLDS, NONE, 0, NONE),
    MISC(process_vm_writev, AG_PTRACE, AG_L_FOLDS, NONE, 0, NONE),
    MISC(pidfd_getfd, AG_PTRACE, 0, NONE, NONE, NONE),

    SIGNAL(kill, 1, 0),
    SIGNAL(tkill, 1, 0),
    SIGNAL(tgkill, 2, 0),
    SIGNAL(rt_sigqueueinfo, 1, 0),
    SIGNAL(pidfd_send_signal, 1, NONE),

    MISC(bpf, AG_TAMPER, AG_L_FOLDS, 0, NONE, NONE),
    MISC(init_module, AG_TAMPER, 0, NONE, NONE, NONE),
    MISC(finit_module, AG_TAMPER, 0, NONE, NONE, NONE),
    MISC(delete_module, AG_TAMPER, 0, NONE, NONE, NONE),
    MISC(perf_event_open, AG_TAMPER, AG_L_FOLDS, 1, NONE, NONE),
    MISC(kexec_load, AG_TAMPER, 0, NONE, NONE, NONE),
    MISC(kexec_file_load, AG_TAMPER, 0, NONE, NONE, NONE),
    MISC(iopl, AG_TAMPER, 0, 0, NONE, NONE),
    MISC(ioperm, AG_TAMPER, 0, 0, 1, 2),

    MISC(io_uring_setup, AG_URING, 0, 0, NONE, NONE),
};
/* clang-format on */

const int syscall_layouts_count = sizeof(syscall_layouts) / sizeof(syscall_layouts[0]);
