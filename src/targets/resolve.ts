import { setTimeout as sleep } from 'node:timers/promises';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import { matchesGlob } from './glob.js';
import { agentIdFor, programNames } from './names.js';
import { allProcesses, ownAncestry, type ProcessInfo, processOf, readProcess } from './proc.js';

/** The highest pid that Linux gives (PID_MAX_LIMIT, include/linux/threads.h). */
const PID_MAX = 4_194_304;
const WAIT_MS = 200;
const LISTED = 20;

/** Who is to be governed. */
export type Target =
  | { kind: 'processes'; roots: ProcessInfo[]; agentId: string }
  | { kind: 'command'; command: string[]; agentId: string };

export interface TargetFlags {
  /** Words after --pid; `true` when there were none. */
  pid?: string[] | true;
  name?: string;
  all?: boolean;
  wait?: boolean;
}

const idOf = (info: ProcessInfo): string => agentIdFor(programNames(info.exe, info.argv));

/** `--pid "$(pgrep …)"` is one word with several lines in it. */
function parsePids(words: string[] | true): number[] {
  const parts = words === true ? [] : words.flatMap((word) => word.split(/[\s,]+/)).filter((part) => part !== '');
  if (parts.length === 0) {
    throw usageError('--pid needs at least one pid; if it came from pgrep, nothing matched.');
  }
  return [...new Set(parts.map(parsePid))];
}

function parsePid(part: string): number {
  const pid = /^\d{1,7}$/.test(part) ? Number(part) : 0;
  if (pid < 1 || pid > PID_MAX) {
    throw usageError(`--pid takes process ids, and ${JSON.stringify(part)} is none; a command goes behind "--".`);
  }
  return pid;
}

function refuseOwnTree(roots: ProcessInfo[]): void {
  const own = ownAncestry();
  const root = roots.find(({ pid }) => own.has(pid));
  if (root !== undefined) {
    throw usageError(
      `Process ${root.pid} is agentgov itself or one of its ancestors; start agentgov from outside that tree.`,
    );
  }
}

function byPids(words: string[] | true): ProcessInfo[] {
  return parsePids(words).map((pid) => {
    const info = readProcess(pid);
    if (info?.isKernelThread) throw usageError(`Process ${pid} is a thread of the kernel, which runs no agent.`);
    if (info !== undefined) return info;
    const process = processOf(pid);
    if (process === undefined || process === pid) {
      throw usageError(`There is no process ${pid}; list candidates with: ps -eo pid,args.`);
    }
    throw usageError(`${pid} is a thread of process ${process}; say --pid ${process}.`);
  });
}

/**
 * Processes whose executable or script has this name. Of a process and its descendants that match together only the
 * topmost counts: they are one tree, and agentgov's own ancestry is left out (the shell in which it was typed).
 */
function matches(pattern: string): ProcessInfo[] {
  const all = new Map<number, ProcessInfo>();
  for (const info of allProcesses()) all.set(info.pid, info);
  const own = ownAncestry();
  const hits = new Set<number>();
  for (const info of all.values()) {
    const { executable, script } = programNames(info.exe, info.argv);
    const names = script === undefined ? [executable] : [executable, script];
    // A kernel thread has neither executable nor command line.
    if (!own.has(info.pid) && executable !== '' && names.some((name) => matchesGlob(pattern, name))) hits.add(info.pid);
  }
  const belowHit = (info: ProcessInfo): boolean => {
    for (let up = all.get(info.ppid); up !== undefined; up = all.get(up.ppid)) if (hits.has(up.pid)) return true;
    return false;
  };
  return [...hits].flatMap((pid) => all.get(pid) ?? []).filter((info) => !belowHit(info));
}

const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

const listing = (found: ProcessInfo[]): string[] =>
  found
    .slice(0, LISTED)
    .map(({ pid, exe, argv }) => `  ${pid}  ${printable(argv.join(' ') || exe).slice(0, 100)}`)
    .concat(found.length > LISTED ? [`  and ${found.length - LISTED} more`] : []);

async function byName(pattern: string, flags: TargetFlags, signal: AbortSignal | undefined): Promise<ProcessInfo[]> {
  if (pattern === '') throw usageError('--name needs a pattern, such as claude or "agent*".');
  if (pattern.includes('/')) {
    throw usageError('--name is compared with the base name of the executable or script, so it cannot hold a slash.');
  }
  let found = matches(pattern);
  while (found.length === 0 && flags.wait === true) {
    await sleep(WAIT_MS, undefined, signal === undefined ? {} : { signal });
    found = matches(pattern);
  }
  if (found.length === 0) {
    throw usageError(`No process is called ${JSON.stringify(pattern)}; add --wait to wait for one.`);
  }
  if (found.length > 1 && flags.all !== true) {
    throw new AgentgovError(
      `${found.length} processes are called ${JSON.stringify(pattern)}; choose with --pid, or add --all:`,
      EXIT.usage,
      { list: listing(found) },
    );
  }
  return found;
}

/**
 * Works out who is meant.
 *
 * `command`: the words behind `--`, undefined without one. `signal` ends a --wait.
 * @throws AgentgovError exit 2, one sentence (and a list where several match).
 */
export async function resolveTarget(
  flags: TargetFlags,
  command: string[] | undefined,
  signal?: AbortSignal,
): Promise<Target> {
  const given = [flags.pid !== undefined, flags.name !== undefined, command !== undefined].filter(Boolean).length;
  if (given === 0) throw usageError('Say whom to govern: --pid N, --name PATTERN, or a command behind "--".');
  if (given > 1) throw usageError('Give one of --pid, --name and a command behind "--", not several.');
  if (flags.name === undefined && (flags.all === true || flags.wait === true)) {
    throw usageError('--all and --wait belong to --name.');
  }
  if (command !== undefined) {
    const [name] = command;
    if (name === undefined || name === '') throw usageError('There is no command behind "--".');
    return { kind: 'command', command, agentId: agentIdFor(programNames(name, command)) };
  }
  const roots = flags.pid !== undefined ? byPids(flags.pid) : await byName(flags.name ?? '', flags, signal);
  refuseOwnTree(roots);
  const [first] = roots;
  return { kind: 'processes', roots, agentId: first === undefined ? 'agent' : idOf(first) };
}
