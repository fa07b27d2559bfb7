// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel programs, one object. Each header is one room; this file only says in which order they stand.
 *
 *   pids         numbers of processes, in whatever PID namespace agentgov runs
 *   membership   who is governed, and as whose: the first question of every program
 *   entry        how a program on a tracepoint comes to its arguments
 *   emit         how a record gets into a ring, and how what does not is counted
 *   copies       tier hook where programs are preempted: several of each one that decides
 *   path         names as the kernel knows them
 *   discovery    what may bring a TLS library into a process
 *   tasks        who runs, when a running tree is attached to
 *   scripts      which script each process runs
 *   written      which files the tree has written
 *   process      fork, exec, exit; membership is handed on here
 *   syscalls     how a system call finds its handler
 *   files        opens, names, attributes; calls told by their arguments
 *   network      sockets and their ends
 *   tls          plaintext of the calls into TLS libraries: tls_pieces, tls_calls, tls_go, tls_programs, tls_sockets
 *   plain        what a connection says first, and plaintext of HTTP without TLS
 *   dns          answers from port 53
 *   signals      what is sent out of the tree
 *   objects      tiers lsm and hook: what the kernel resolved, and the work of an io_uring
 *   policy       a policy's maps, and the automaton that a path runs through
 *   actors       who acts, for rules that are scoped to programs or scripts
 *   guards       what belongs to some engine of this machine
 *   rates        how often a rule lets something through
 *   verdict      which rule decides, and the record of what it is against
 *   enforce      tiers lsm and hook: what is asked at each hook about files,
 *                about programs (enforce_code) and about addresses (enforce_network)
 *   system       and about the machine itself: mounts, privileges, other processes, the kernel
 *   unasked      where there are copies: what went on without having been asked about
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_endian.h>

#ifndef NULL
#define NULL ((void *)0)
#endif

#include "include/events.h"
#include "include/agents.h"
#include "include/guards.h"
#include "include/policy.h"
#include "include/kernel.h"
#include "include/tasks.h"
#include "pids.bpf.h"
#include "membership.bpf.h"
#include "entry.bpf.h"
#include "emit.bpf.h"
#include "copies.bpf.h"
#include "path.bpf.h"
#include "discovery.bpf.h"
#include "tasks.bpf.h"
#include "scripts.bpf.h"
#include "written.bpf.h"
#include "process.bpf.h"
#include "syscalls.bpf.h"
#include "files.bpf.h"
#include "network.bpf.h"
#include "tls.bpf.h"
#include "tls_pieces.bpf.h"
#include "tls_calls.bpf.h"
#include "tls_go.bpf.h"
#include "tls_programs.bpf.h"
#include "tls_sockets.bpf.h"
#include "plain.bpf.h"
#include "dns.bpf.h"
#include "signals.bpf.h"
#include "objects.bpf.h"
#include "policy.bpf.h"
#include "actors.bpf.h"
#include "guards.bpf.h"
#include "rates.bpf.h"
#include "verdict.bpf.h"
#include "enforce.bpf.h"
#include "enforce_code.bpf.h"
#include "enforce_network.bpf.h"
#include "system.bpf.h"
#include "unasked.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
