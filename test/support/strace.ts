// strace as the second witness: what a traced tree really did, worked out from its own output and /proc alone.
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';

export interface TracedExec {
  pid: number;
  /** As it was asked for, made absolute. */
  path: string;
  argv: string[];
  errno?: string;
}

/** What a tree did, as sets of absolute paths and destinations; what failed is kept apart. */
export interface Traced {
  pids: Set<number>;
  execs: TracedExec[];
  opened: Set<string>;
  created: Set<string>;
  deleted: Set<string>;
  /** "from\0to" for rename, link and symlink. */
  moved: Set<string>;
  /** "address port" or the name of a unix socket, "@" for abstract. */
  connects: Set<string>;
  failedOpens: Set<string>;
}

const traced = [
  ...['execve', 'execveat', 'open', 'openat', 'openat2', 'creat', 'mkdir', 'mkdirat', 'mknod', 'mknodat', 'unlink'],
  ...['unlinkat', 'rmdir', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat', 'connect'],
  ...['chdir', 'fchdir', 'clone', 'clone3', 'fork', 'vfork'],
];

/** The command that runs `command` under strace and writes what {@link readTrace} reads into `file`. */
export function straceCommand(file: string, command: readonly string[]): string[] {
  // -xx: every string in hexadecimal, so that no byte of a name can look like syntax. -y: descriptors with their paths.
  const flags = ['-f', '-y', '-xx', '-s', '65535', '--seccomp-bpf', '-e', `trace=${traced.join(',')}`, '-o', file];
  return ['strace', ...flags, ...command];
}

interface Call {
  pid: number;
  name: string;
  args: string[];
  /** After " = ". */
  result: string;
}

/** Splits at commas that are within no bracket; strings are hexadecimal and hold none of these. */
function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === '(' || c === '[' || c === '{') depth++;
    else if (c === ')' || c === ']' || c === '}') depth--;
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  parts.push(text.slice(from).trim());
  return parts;
}

function parseCall(pid: number, text: string): Call | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(' = ');
  if (open < 0 || close < 0) return undefined;
  const inner = text.slice(open + 1, text.lastIndexOf(')', close));
  return { pid, name: text.slice(0, open), args: splitArguments(inner), result: text.slice(close + 3) };
}

/** The whole calls of a trace, each where it returned, and the fork calls also where they began. */
function* calls(trace: string): Generator<Call> {
  const unfinished = new Map<number, string>();
  for (const line of trace.split('\n')) {
    const [, digits, rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (!digits || rest.startsWith('+++') || rest.startsWith('---')) continue;
    const pid = Number(digits);
    const begun = / <unfinished \.\.\.>$/.exec(rest);
    if (begun) {
      unfinished.set(pid, rest.slice(0, begun.index));
      continue;
    }
    const resumed = /^<\.\.\. \S+ resumed>/.exec(rest);
    const text = resumed ? (unfinished.get(pid) ?? '') + rest.slice(resumed[0].length) : rest;
    const call = parseCall(pid, text);
    if (call) yield call;
  }
}

function unhex(text: string): string {
  const bytes = text.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) => digits);
  return Buffer.from(bytes, 'hex').toString('utf8');
}

function quoted(argument: string | undefined): string {
  const found = /"((?:\\x[0-9a-f]{2})*)"/.exec(argument ?? '');
  if (!found) throw new Error(`no string in ${argument}`);
  return unhex(found[1] ?? '');
}

/** The path that -y wrote behind a descriptor. */
function annotated(argument: string | undefined): string | undefined {
  const found = /<((?:\\x[0-9a-f]{2})*)>/.exec(argument ?? '');
  return found ? unhex(found[1] ?? '') : undefined;
}

/** A path without symbolic links in its folder, as far as the folder is still there. */
export function settled(path: string): string {
  const clean = normalize(path).replace(/(.)\/$/, '$1');
  try {
    return join(realpathSync(dirname(clean)), basename(clean));
  } catch {
    return clean;
  }
}

/** Reads the output of {@link straceCommand}. `cwd`: where the traced command was started. */
export function readTrace(file: string, cwd: string): Traced {
  const trace = readFileSync(file, 'latin1');
  const all = [...calls(trace)];
  const done: Traced = {
    pids: new Set([...trace.matchAll(/^(\d+) /gm)].map(([, pid]) => Number(pid))),
    execs: [],
    opened: new Set(),
    created: new Set(),
    deleted: new Set(),
    moved: new Set(),
    connects: new Set(),
    failedOpens: new Set(),
  };

  // A child's first call may be printed before its parent's fork returns, so who begot whom is worked out first. The
  // working folder is an object that threads (CLONE_FS) share. `program` is what /proc/self/exe was at that time.
  const begot = new Map<number, { parent: number; shares: boolean }>();
  for (const call of all)
    if (/^(clone|clone3|fork|vfork)$/.test(call.name) && Number.parseInt(call.result, 10) > 0)
      begot.set(Number.parseInt(call.result, 10), { parent: call.pid, shares: call.args.join().includes('CLONE_FS') });
  const folders = new Map<number, { path: string; program?: string }>();
  function folder(pid: number): { path: string; program?: string } {
    const known = folders.get(pid);
    if (known) return known;
    const origin = begot.get(pid);
    const inherited = origin ? folder(origin.parent) : { path: cwd };
    const own = origin?.shares ? inherited : { ...inherited };
    folders.set(pid, own);
    return own;
  }

  for (const call of all) {
    const { pid, name, args, result } = call;
    const failed = result.startsWith('-1');
    const errno = /^-1 (\w+)/.exec(result)?.[1];
    const absolute = (path: string, base?: string): string =>
      path.startsWith('/') ? path : join((base && annotated(base)) ?? folder(pid).path, path);
    /** The path of argument `at`; of the "*at" calls the folder stands before it. */
    const path = (at: number, isAt: boolean): string =>
      settled(absolute(quoted(args[at]), isAt ? args[at - 1] : undefined));
    folder(pid);

    switch (name) {
      case 'clone':
      case 'clone3':
      case 'fork':
      case 'vfork': {
        // The child's folder is the one at the fork, if it has not shown itself yet.
        const child = Number.parseInt(result, 10);
        if (child > 0) folder(child);
        break;
      }
      case 'chdir':
        if (!failed) folder(pid).path = absolute(quoted(args[0]));
        break;
      case 'fchdir':
        if (!failed) folder(pid).path = annotated(args[0]) ?? folder(pid).path;
        break;
      case 'execve':
      case 'execveat': {
        const at = name === 'execve' ? 0 : 1;
        const given = quoted(args[at]);
        const own = given === '/proc/self/exe' ? folder(pid).program : undefined;
        const asked = own ?? absolute(given, at ? args[0] : undefined);
        const argv = [...(args[at + 1] ?? '').matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, text]) =>
          unhex(text ?? ''),
        );
        if (!failed) folder(pid).program = asked;
        done.execs.push({ pid, path: asked, argv, ...(failed && errno ? { errno } : {}) });
        break;
      }
      case 'open':
      case 'creat':
      case 'openat':
      case 'openat2': {
        const isAt = name.startsWith('openat');
        if (!failed) done.opened.add(annotated(result) ?? path(isAt ? 1 : 0, isAt));
        // An unreadable name has no path to compare.
        else if (args[isAt ? 1 : 0]?.startsWith('"')) done.failedOpens.add(path(isAt ? 1 : 0, isAt));
        break;
      }
      case 'mkdir':
      case 'mknod':
        if (!failed) done.created.add(path(0, false));
        break;
      case 'mkdirat':
      case 'mknodat':
        if (!failed) done.created.add(path(1, true));
        break;
      case 'unlink':
      case 'rmdir':
        if (!failed) done.deleted.add(path(0, false));
        break;
      case 'unlinkat':
        if (!failed) done.deleted.add(path(1, true));
        break;
      case 'rename':
      case 'link':
        if (!failed) done.moved.add(`${path(0, false)}\0${path(1, false)}`);
        break;
      case 'renameat':
      case 'renameat2':
      case 'linkat':
        if (!failed) done.moved.add(`${path(1, true)}\0${path(3, true)}`);
        break;
      case 'symlink':
        if (!failed) done.created.add(path(1, false));
        break;
      case 'symlinkat':
        if (!failed) done.created.add(path(2, true));
        break;
      case 'connect': {
        const to = args[1] ?? '';
        const port = /port=htons\((\d+)\)/.exec(to)?.[1];
        if (port) done.connects.add(`${quoted(to)} ${port}`);
        else if (to.includes('sun_path=')) done.connects.add(to.includes('=@') ? `@${quoted(to)}` : quoted(to));
        break;
      }
    }
  }
  return done;
}
