import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A live process as /proc tells it. Names are text for people; they are never compared with comm. */
export interface ProcessInfo {
  pid: number;
  ppid: number;
  /** It belongs to the kernel, runs no program, and what it starts is nobody's work. */
  isKernelThread: boolean;
  /** Start time in clock ticks since boot (field 22 of /proc/PID/stat): with the pid, the identity. */
  startTicks: string;
  /** Empty when it cannot be read (another user's process, a kernel thread). */
  exe: string;
  argv: string[];
  uid: number;
  gid: number;
  groups: number[];
}

/** PF_KTHREAD, include/linux/sched.h. */
const KERNEL_THREAD = 0x0020_0000;

const MAX_ARGV = 128 * 1024;

/** Exact where the bytes are UTF-8; else readable, which is all that a message or a pattern needs. */
const text = (bytes: Buffer): string => bytes.toString('utf8');

function exeOf(pid: number): string {
  try {
    // A replaced binary (an update under a running agent) shows as "NAME (deleted)".
    return text(readlinkSync(`/proc/${pid}/exe`, 'buffer')).replace(/ \(deleted\)$/, '');
  } catch {
    return '';
  }
}

const numbers = (status: string, name: string): number[] =>
  (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').trim().split(/\s+/).filter(Boolean).map(Number);

/** @returns undefined when there is no such process (any more), or only a zombie of it. A thread id is no process. */
export function readProcess(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // comm may hold spaces and parentheses; the fields start after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    if (fields[0] === 'Z' || fields[0] === 'X' || numbers(status, 'Tgid')[0] !== pid) return undefined;
    const cmdline = readFileSync(`/proc/${pid}/cmdline`).subarray(0, MAX_ARGV);
    const argv = cmdline.length === 0 ? [] : text(cmdline).replace(/\0+$/, '').split('\0');
    return {
      pid,
      ppid: Number(fields[1]),
      isKernelThread: (Number(fields[6]) & KERNEL_THREAD) !== 0,
      startTicks: fields[19] ?? '',
      exe: exeOf(pid),
      argv,
      uid: numbers(status, 'Uid')[1] ?? 0,
      gid: numbers(status, 'Gid')[1] ?? 0,
      groups: numbers(status, 'Groups'),
    };
  } catch {
    return undefined;
  }
}

/** The process that this number names a thread of; undefined when there is no such thread. */
export function processOf(tid: number): number | undefined {
  try {
    return numbers(readFileSync(`/proc/${tid}/status`, 'latin1'), 'Tgid')[0];
  } catch {
    return undefined;
  }
}

/** All processes of this pid namespace. */
export function* allProcesses(): Generator<ProcessInfo> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const info = readProcess(Number(name));
    if (info !== undefined) yield info;
  }
}

/** This process and everything that it descends from: who governs these governs itself. */
export function ownAncestry(): Set<number> {
  const pids = new Set<number>();
  for (let pid = process.pid; pid > 0 && !pids.has(pid); pid = readProcess(pid)?.ppid ?? 0) pids.add(pid);
  return pids;
}
