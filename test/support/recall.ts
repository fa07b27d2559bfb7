// Compares a log with what strace saw of the same tree at the same time.
import { realpathSync } from 'node:fs';
import type { Event } from './log.js';
import { settled, type Traced, type TracedExec } from './strace.js';

/** What the log does not have, or has and nobody did; everything empty is a recall of 100 %. */
export interface Difference {
  execs: string[];
  opened: string[];
  created: string[];
  deleted: string[];
  moved: string[];
  connects: string[];
  /** Opens in the log that strace did not see. */
  invented: string[];
}

/** Sizes of what was compared, and what only some tiers can know. */
export interface Recall {
  difference: Difference;
  compared: {
    processes: number;
    execs: number;
    opened: number;
    created: number;
    deleted: number;
    moved: number;
    connects: number;
  };
  failedOpens: { done: number; missing: string[] };
}

function missing(truth: Set<string>, seen: Set<string>): string[] {
  return [...truth].filter((entry) => !seen.has(entry)).sort();
}

/** Where a name really leads, as far as it still does. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return settled(path);
  }
}

/** Says of a traced exec what the event beside it gets wrong, or nothing. */
function execFault(traced: TracedExec, event: Event): string | undefined {
  const script = event.script !== undefined;
  const found = script ? event.script : event.path;
  if (found !== real(traced.path)) return `is ${found}`;
  // Of a script the kernel makes: interpreter, its one argument if any, the name as asked, the arguments.
  const argv = event.argv ?? [];
  const tail = traced.argv.slice(1);
  const same = script
    ? JSON.stringify(argv.slice(argv.length - tail.length)) === JSON.stringify(tail)
    : JSON.stringify(argv) === JSON.stringify(traced.argv);
  return same || event.argv_cut ? undefined : `has the arguments ${JSON.stringify(argv)}`;
}

function compareExecs(traced: Traced, events: readonly Event[]): string[] {
  const faults: string[] = [];
  const byPid = new Map<number, Event[]>();
  for (const event of events)
    if (event.event_type === 'process_exec' && event.errno === undefined && traced.pids.has(event.pid))
      byPid.set(event.pid, [...(byPid.get(event.pid) ?? []), event]);
  for (const exec of traced.execs) {
    if (exec.errno) continue;
    const event = byPid.get(exec.pid)?.shift();
    const fault = event ? execFault(exec, event) : 'is missing';
    if (fault) faults.push(`${exec.pid} ${exec.path} ${JSON.stringify(exec.argv)} ${fault}`);
  }
  for (const [pid, left] of byPid) for (const event of left) faults.push(`${pid} ${event.path} was never executed`);
  return faults;
}

export function recall(traced: Traced, events: readonly Event[]): Recall {
  const of = (...types: string[]): Event[] =>
    events.filter(({ pid, event_type }) => traced.pids.has(pid) && types.includes(event_type));
  const known = (event: Event, path: string | undefined): string =>
    event.path_resolved === false ? settled(path ?? '') : (path ?? '');
  const paths = (list: Event[]): Set<string> => new Set(list.map((event) => known(event, event.path)));
  const succeeded = ({ errno }: Event): boolean => errno === undefined;

  const opens = of('file_open', 'file_create').filter(({ syscall }) => /^(open|creat)/.test(syscall ?? ''));
  const seenOpens = paths(opens.filter(succeeded));
  const truthOpens = new Set([...traced.opened].filter((path) => path.startsWith('/')));
  const made = of('file_create').filter(succeeded);
  const links = of('file_link').filter(succeeded);
  const linkNames = links.map((event) => settled(event.path_to ?? ''));
  const moves = [...of('file_rename').filter(succeeded), ...links].map(
    (event) => `${settled(event.path ?? '')}\0${settled(event.path_to ?? '')}`,
  );
  const connects = of('network_connect', 'unix_connect').map(({ dest_ip, dest_port, path }) =>
    dest_ip === undefined ? (path ?? '') : `${dest_ip} ${dest_port}`,
  );
  return {
    difference: {
      execs: compareExecs(traced, events),
      opened: missing(truthOpens, seenOpens),
      created: missing(traced.created, new Set([...paths(made), ...linkNames])),
      deleted: missing(traced.deleted, paths(of('file_delete').filter(succeeded))),
      moved: missing(traced.moved, new Set(moves)),
      connects: missing(traced.connects, new Set(connects)),
      invented: missing(seenOpens, truthOpens),
    },
    compared: {
      processes: new Set(events.filter(({ pid }) => traced.pids.has(pid)).map(({ pid }) => pid)).size,
      execs: traced.execs.filter(({ errno }) => !errno).length,
      opened: truthOpens.size,
      created: traced.created.size,
      deleted: traced.deleted.size,
      moved: traced.moved.size,
      connects: traced.connects.size,
    },
    failedOpens: {
      done: traced.failedOpens.size,
      missing: missing(traced.failedOpens, paths(opens.filter(({ errno }) => errno !== undefined).map(settledName))),
    },
  };
}

/** A failed open is only the asked name in every tier. */
function settledName(event: Event): Event {
  return { ...event, path: settled(event.path ?? '') };
}

/** What a perfect recall looks like. */
export const nothing: Difference = {
  execs: [],
  opened: [],
  created: [],
  deleted: [],
  moved: [],
  connects: [],
  invented: [],
};
