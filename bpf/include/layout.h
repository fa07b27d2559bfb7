/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where each system call keeps what an event needs: filled by the loader from one table (bpf/loader/layouts.c) for the
 * numbers of the running architecture, read by the programs. So the programs know no system call by number.
 */
#ifndef AGENTGOV_LAYOUT_H
#define AGENTGOV_LAYOUT_H

#define AG_NR_MAX 512

/* Which program handles the call: its index in the prog array is the number of the call itself. */
enum ag_handler {
    AG_H_NONE,
    AG_H_OPEN,
    AG_H_PATH,
    AG_H_SOCKET,
    AG_H_SEND,
    AG_H_ACCEPT,
    AG_H_MISC,
    AG_H_MMAP,
    AG_H_MAX
};

enum ag_layout_flag {
    AG_L_CRITICAL = 1 << 0,    /* goes to the critical ring */
    AG_L_FOLDS = 1 << 1,       /* repeats of a success are counted, not repeated */
    AG_L_ONLY_FAILED = 1 << 2, /* a success is seen elsewhere */
    AG_L_OPEN_HOW = 1 << 3,    /* value 0 points to struct open_how */
    AG_L_CREAT = 1 << 4,       /* creat(): the flags are implied */
    AG_L_TARGET_TEXT = 1 << 5, /* path 0 is text that names nothing yet (symlink) */
    AG_L_MMSG = 1 << 6,        /* sendmmsg */
    AG_L_MSG = 1 << 7,         /* sendmsg */
};

enum ag_moves { AG_MOVES_NONE, AG_MOVES_IN, AG_MOVES_OUT };

/* Where the bytes that move are: in a buffer, buffers, or a message that has such, which argument 1 points to. */
enum ag_buffer { AG_BUFFER_NONE, AG_BUFFER_ONE, AG_BUFFER_IOV, AG_BUFFER_MSG };

#define AG_NO_ARG (-1)
#define AG_DIR_CWD (-1)

struct ag_layout {
    __u8 handler; /* enum ag_handler */
    __u8 kind;    /* enum ag_kind */
    __u8 cls;     /* enum ag_class */
    __u8 flags;   /* enum ag_layout_flag */
    __s8 path[2]; /* index of the argument that points to a name */
    __s8 dir[2];  /* index of the directory fd it starts from */
    __s8 fd;      /* index of an fd that is itself the object */
    __s8 text;    /* index of an argument that points to a short string (name of an xattr) */
    __s8 value[3];
    __u8 moves;  /* bytes through the descriptor that is argument 0: enum ag_moves; value 0 are its MSG flags */
    __u8 buffer; /* enum ag_buffer */
    __u8 asked;  /* 1: has not succeeded before a program that decides was asked about it */
};

#endif
