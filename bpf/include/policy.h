/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A policy as the kernel has it: what src/policy/compile writes into the maps of bpf/policy.bpf.h, byte for byte, and
 * the programs read. All numbers are the machine's own; the sizes are asserted on both sides.
 *
 * Path patterns are one automaton over the components of a path, from the root of the file system to the leaf. A state
 * has edges by name, edges by class (what a name is to the patterns with `*` in it), and for all other names the state
 * of what may begin anywhere, which every state would have to repeat: at most one more look for a name. Two
 * runs of it go side by side: one through the patterns whose place is fixed, one through those with a `**` in front of
 * something. So a decision costs as much as the path is long, however many rules there are.
 */
#ifndef AGENTGOV_POLICY_H
#define AGENTGOV_POLICY_H

#include <linux/types.h>
#include "events.h"

/*
 * Tables have room for two policies: the one in force, and one that is written beside it, takes its place between two
 * system calls and leaves its rows empty for the next. These are the halves 0 and 1. In tables with numbered rows a
 * half is a run of rows (AG_STATES_MAX, AG_NAME_ROWS_MAX, AG_CLAUSES_MAX of them); elsewhere the key says which one it
 * is, and both share the room. A half has two heads, each with its own rows of `rules`, so that modes change in one
 * step.
 */
#define AG_HALVES 2
#define AG_HEADS 4 /* half * 2 + 0 or 1: key of `policy`, behind those of the agents before */

#define AG_STATES_MAX (1u << 17) /* of the automaton */
#define AG_EDGES_BY_NAME_MAX (1u << 19)
#define AG_EDGES_BY_CLASS_MAX (1u << 17)
#define AG_LONG_EDGES_MAX (1u << 14)
#define AG_NAME_ROWS_MAX 8192 /* of the automaton over the bytes of one name */
#define AG_CLAUSES_MAX (1u << 17)
#define AG_RULES_MAX (1u << 16)
#define AG_DEVICES_MAX 4096
#define AG_BLOCKS_MAX (1u << 16)
#define AG_INODES_MAX (1u << 16)
#define AG_SCRIPTS_MAX (1u << 16) /* processes that run one, and those in an exec (bpf/scripts.bpf.h) */

#define AG_NAME_SHORT 32   /* names up to here have the small key, which most are */
#define AG_NAME_LONG 256   /* NAME_MAX is 255 */
#define AG_LIST_MAX 64     /* clauses that compete over one object */
#define AG_PORTS 4         /* ranges of ports of one clause */
#define AG_PROGRAMS_MAX 64 /* sets of programs and scripts that rules are scoped to */
#define AG_RATES_MAX 64    /* rules with `max`, of the policy in force and the next */
#define AG_RATE_GROUPS 256 /* of each: a power of two */

/* Clauses in the order in which they decide: the first that fits is the answer. */
struct ag_list {
    __u32 start; /* index into `clauses` */
    __u32 count; /* at most AG_LIST_MAX */
};

/* State 0 is where nothing can match any more; a half's own begin at 1 behind the start of its rows. */
struct ag_state {
    __u32 other;          /* what a name that has no edge here is looked up in; where that is this state, the next */
    __u32 row;            /* where the automaton over names begins, 0: this state has no edges by class */
    struct ag_list at;    /* clauses about a path that ends here */
    struct ag_list below; /* clauses that forbid something which can only be below here */
    __u64 programs;       /* sets of programs and scripts that a path which ends here belongs to, one bit each */
};
AG_STATIC_ASSERT(sizeof(struct ag_state) == 32, "no padding in ag_state");

struct ag_edge {
    __u32 state;
    __u32 len;
    char name[AG_NAME_SHORT]; /* zeroes behind */
};
AG_STATIC_ASSERT(sizeof(struct ag_edge) == 40, "no padding in ag_edge");

struct ag_long_edge {
    __u32 state;
    __u32 len;
    char name[AG_NAME_LONG];
};
AG_STATIC_ASSERT(sizeof(struct ag_long_edge) == 264, "no padding in ag_long_edge");

struct ag_class_edge {
    __u32 state;
    __u32 cls;
};

/* One state of the automaton over the bytes of a name. Row 0 is where nothing can match any more. */
struct ag_name_row {
    __u32 cls; /* of a name that ends here; 0: no pattern has it */
    __u16 next[256];
};
AG_STATIC_ASSERT(sizeof(struct ag_name_row) == 516, "no padding in ag_name_row");

struct ag_clause {
    __u32 ops;   /* one bit an operation, src/policy/language/operations.ts */
    __u32 rule;  /* from 0, in either half */
    __u32 order; /* place among all clauses: the smaller decides */
    __u32 forbids;
    __u32 actors;          /* one more than the bit of a set of programs, and << 16 of scripts; 0: whoever acts */
    __u32 protocols;       /* bits of enum ag_protocol; 0: any */
    __u32 written;         /* enum ag_by */
    __u32 ports;           /* how many ranges; 0: any port */
    __u32 range[AG_PORTS]; /* from | to << 16, both included */
};
AG_STATIC_ASSERT(sizeof(struct ag_clause) == 48, "no padding in ag_clause");

/* Whose writing a file is that is run. */
enum ag_by { AG_BY_ANYBODY, AG_BY_TREE, AG_BY_OTHERS };

/* Bits of ag_clause.ops: the order of OPERATIONS in src/policy/language/operations.ts. */
enum ag_operation {
    AG_READ = 1 << 0,
    AG_WRITE = 1 << 1,
    AG_CREATE = 1 << 2,
    AG_DELETE = 1 << 3,
    AG_RENAME = 1 << 4,
    AG_LINK = 1 << 5,
    AG_TRUNCATE = 1 << 6,
    AG_ATTR = 1 << 7,
    AG_EXECUTE = 1 << 8,
    AG_REACH = 1 << 9, /* network_connect */
    AG_SEND_TO = 1 << 10,
    AG_BIND_TO = 1 << 11,
    AG_LISTEN_ON = 1 << 12,
    AG_REACH_UNIX = 1 << 13,
    AG_CALL_TOOL = 1 << 14, /* a gateway's */
    AG_DO_MOUNT = 1 << 15,
    AG_DO_PRIVILEGE = 1 << 16,
    AG_DO_PTRACE = 1 << 17,
    AG_DO_SIGNAL = 1 << 18,
    AG_DO_URING = 1 << 19,
    AG_DO_TAMPER = 1 << 20,
};

enum ag_action { AG_ALLOW, AG_APPROVAL, AG_BLOCK };

struct ag_rule {
    __u8 action;  /* enum ag_action */
    __u8 enforce; /* 0: what would be stopped is only told */
    __u8 error;   /* errno of what is stopped */
    __u8 rate;    /* of an ALLOW rule with `max`: one more than its row of `rates`; else 0 */
};

/* So many operations, and no more until the last of them is as old as the window is long. */
struct ag_rate_group {
    __u64 users; /* who claims it (bpf/rates.bpf.h) */
    __u64 used;
    __u64 last; /* CLOCK_BOOTTIME, ns */
};

/* What a rule has let through. */
struct ag_rate {
    __u64 window; /* ns */
    __u64 each;   /* operations of a group */
    __u32 groups;
    __u32 at; /* the group that is being filled */
    struct ag_rate_group group[AG_RATE_GROUPS];
};
AG_STATIC_ASSERT(sizeof(struct ag_rate) == 24 + 24 * AG_RATE_GROUPS, "no padding in ag_rate");

enum ag_policy_class { AG_OF_FILE, AG_OF_EXEC, AG_OF_NETWORK, AG_OF_SYSTEM, AG_OF_MAX };

struct ag_policy {
    __u32 active;              /* 0: no policy, everything is let through */
    __u32 fixed, floating;     /* where the two runs begin at the root of the name space */
    __u32 abstract;            /* and the first of them behind the mark of an abstract socket */
    struct ag_list general;    /* clauses without an object */
    __u32 defaults[AG_OF_MAX]; /* the rules that stand for default_action */
    __u32 scoped;              /* what some clause is scoped to: bits of enum ag_scope */
    __u32 enforce;             /* some rule is enforced: what cannot even be asked is denied */
    __u32 by_inode;            /* some file is known by its inode */
    __u32 half;
    __u32 rules;  /* first row of `rules`: head * AG_RULES_MAX */
    __u32 serial; /* what its verdicts are marked with, 16 bits */
    /* Self-protection beside the clauses. */
    __u32 own_rules;  /* number of the first rule of enum ag_own; 0: there is none */
    __u32 mount_ns;   /* inode number of agentgov's mount namespace */
    __u32 root_mount; /* id of the mount that is its root folder */
};
AG_STATIC_ASSERT(sizeof(struct ag_policy) == 76, "no padding in ag_policy");

enum ag_scope { AG_BY_EXE = 1, AG_BY_SCRIPT = 2 };

/* Rules that no clause competes with, in the order of their numbers. */
enum ag_own {
    AG_OWN_NONE,
    AG_OWN_PROCESS, /* over the processes of `guards` and the root folder */
    AG_OWN_OUTSIDE, /* over the memory of all other processes that are not in the tree */
    AG_OWN_KERNEL,  /* over what changes the kernel, and what it believes of a process */
    AG_OWN_LOG,     /* over everything, while the log cannot be written */
    AG_OWN_AGENTS,  /* over the names of `guards` */
};

struct ag_device_key {
    __u32 half;
    __u32 dev; /* sb->s_dev */
};

/* Where the root of a file system stands in the name space: the states that its path leads to. */
struct ag_device {
    __u32 fixed, floating;
};

/*
 * A file that a rule names, as it was when the policy was loaded: the value is the state of its name then. So a link
 * that was made before, or a folder that somebody else has moved since, leads out of no rule.
 */
struct ag_inode {
    __u64 ino;
    __u32 dev; /* sb->s_dev */
    __u32 half;
};
AG_STATIC_ASSERT(sizeof(struct ag_inode) == 16, "no padding in ag_inode");

/* Longest prefix; `family` is 4 or 6, so that ::/0 is no block of IPv4 addresses. */
struct ag_block {
    __u32 prefix; /* bits, those of `half` and `family` included */
    __u8 half;
    __u8 family;
    __u8 address[16];
    __u8 pad[2];
};
AG_STATIC_ASSERT(sizeof(struct ag_block) == 24, "no padding in ag_block");
#define AG_BLOCK_BYTES 18 /* of which a prefix can speak */

enum ag_protocol {
    AG_P_TCP,
    AG_P_UDP,
    AG_P_ICMP,
    AG_P_RAW,
    AG_P_SCTP,
    AG_P_DCCP,
    AG_P_UDPLITE,
    AG_P_MPTCP,
    AG_P_UNIX_STREAM,
    AG_P_UNIX_DGRAM,
    AG_P_UNIX_SEQPACKET,
    AG_P_NETLINK,
    AG_P_PACKET,
    AG_P_ALG,
    AG_P_VSOCK,
    AG_P_BLUETOOTH,
    AG_P_XDP,
    AG_P_OTHER,
};

/*
 * A verdict against something, in ag_record.fold of a record with AG_F_VERDICT:
 * rule, serial of the policy << 16, reason << 32, errno << 40, denied << 48, needs a human << 49.
 */
enum ag_reason {
    AG_BY_RULE,
    AG_NO_APPROVAL, /* nobody can be asked yet */
    AG_UNRESOLVED,  /* the file lies in no file system that has a place in the name space, and the default decides */
    AG_TOO_DEEP,    /* more components than can be walked */
    AG_TOO_OFTEN,   /* more often than the `max` of the rule that allows it */
    AG_NAMELESS,    /* opened by its handle, when the kernel had forgotten its name */
    AG_SAME_FILE,   /* by the name that the file, or a folder above it, had when the policy was loaded */
    AG_REASON_MAX,
};

#endif
