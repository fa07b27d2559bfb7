// Nothing leaves the tree: every way that Linux has to part from a parent, each judged by what the processes themselves say.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { isFull, scaled } from '../scale.js';
import { canary, type Event, monitored, program, readRecord, type Session, scratch } from '../support/index.js';

const folder = scratch();

/** Signals by number, as far as the helper uses them. */
const signalNames = new Map([[9, 'SIGKILL']]);

/** What a process_exit must say for a status of the helper's (its code, or -signal). */
function ending(status: number): Partial<Event> {
  return status < 0 ? { signal: signalNames.get(-status) ?? `? ${-status}` } : { exit_code: status };
}

function endingOf(event: Event): Partial<Event> {
  return event.signal === undefined ? { exit_code: event.exit_code ?? -1 } : { signal: event.signal };
}

describe('a process that leaves its parent', () => {
  const marks = join(folder, canary());
  // The full lane goes once around the machine's pids where that is a matter of seconds, so that pids come again.
  const pidMax = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
  const children = isFull && pidMax <= 65_536 ? Math.ceil(1.1 * pidMax) : scaled(5000);
  let session: Session;
  let procs: { role: string; pid: number; parent: number; ticks: number; inner: number }[];
  let exits: { pid: number; status: number }[];
  let threads: { pid: number; tid: number }[];
  let quick: { pid: number; parent: number; status: number }[];
  let root: number;
  const of = (type: string): Event[] => session.events.filter((event) => event.event_type === type);

  beforeAll(async () => {
    mkdirSync(marks);
    const recordFile = join(folder, 'tree.record');
    session = await monitored([program('tree'), recordFile, marks, String(children)], {
      timeout: 170_000,
    });
    expect(session.code, session.stderr).toBe(0);
    const record = readRecord(recordFile);
    const lines = (kind: string): string[][] =>
      record.filter((words) => words[0] === kind).map((words) => words.slice(1));
    procs = lines('proc').map(([role = '', pid, parent, ticks, inner]) => ({
      role,
      pid: Number(pid),
      parent: Number(parent),
      ticks: Number(ticks),
      inner: Number(inner),
    }));
    exits = lines('exit').map(([, pid, status]) => ({ pid: Number(pid), status: Number(status) }));
    threads = lines('thread').map(([pid, tid]) => ({ pid: Number(pid), tid: Number(tid) }));
    quick = lines('quick').map(([pid, parent, status]) => ({
      pid: Number(pid),
      parent: Number(parent),
      status: Number(status),
    }));
    root = procs.find(({ role }) => role === 'root')?.pid ?? -1;
  }, 180_000);

  it('has its fork in the log, with the parent that it really had', () => {
    const known = new Map([...procs, ...exits.map(({ pid }) => ({ pid, parent: root }))].map((one) => [one.pid, one]));
    // The shell that runs nohup says nothing of itself; the record has only its end.
    for (const one of procs) known.set(one.pid, one);
    known.delete(root);
    const truth = [...known.values(), ...quick].map(({ pid, parent }) => `${pid} of ${parent}`);
    const seen = of('process_fork').map(({ pid, ppid }) => `${pid} of ${ppid}`);
    expect(seen.sort()).toEqual(truth.sort());
  });

  it('is blamed for its own file, under its own identity, and for nobody else’s', () => {
    const files = session.events.filter(({ path, errno }) => path?.startsWith(`${marks}/`) && errno === undefined);
    const seen = files.map(({ path, pid, start_us, pid_inner }) => ({
      path,
      pid,
      ticks: Math.floor((start_us ?? 0) / 10_000),
      inner: pid_inner ?? pid,
    }));
    const truth = procs.map(({ role, pid, ticks, inner }) => ({ path: `${marks}/${role}-${pid}`, pid, ticks, inner }));
    const own = seen.filter(({ path }) => !/\/thread-\d+$/.test(path ?? ''));
    const byPath = (a: { path?: string | undefined }, b: { path?: string | undefined }): number =>
      String(a.path) < String(b.path) ? -1 : 1;
    expect(own.sort(byPath)).toEqual(truth.sort(byPath));
    expect(readdirSync(marks).length).toBe(truth.length + threads.length);
  });

  it('has one process and many threads where it has threads', () => {
    for (const { pid, tid } of threads) {
      const events = session.events.filter(({ path }) => path === `${marks}/thread-${tid}`);
      expect(events.map((event) => [event.pid, event.tid])).toEqual([[pid, tid]]);
    }
  });

  it('ends once, with the code or the signal that its parent was told', () => {
    const said = new Map<number, Partial<Event>[]>();
    for (const event of of('process_exit')) said.set(event.pid, [...(said.get(event.pid) ?? []), endingOf(event)]);
    const truth = new Map<number, Partial<Event>[]>();
    // Nobody waits for these; their code is in the helper's source.
    const unwaited = new Map(Object.entries({ 'double-leaf': 9, nohup: 9, daemon: 0, 'inner-reuse': 0 }));
    const alone = procs.flatMap(({ role, pid }) => {
      const status = unwaited.get(role);
      return status === undefined ? [] : [{ pid, status }];
    });
    for (const { pid, status } of [...alone, ...exits, ...quick])
      truth.set(pid, [...(truth.get(pid) ?? []), ending(status)]);
    const wrong = [...truth].filter(([pid, ends]) => JSON.stringify(said.get(pid)) !== JSON.stringify(ends));
    expect(wrong).toEqual([]);
    expect(said.get(root)).toEqual([{ exit_code: 0 }]);
    expect(new Set(said.keys())).toEqual(new Set([...procs, ...quick, ...exits].map(({ pid }) => pid)));
  });

  it('keeps its number only as long as it lives: an inner pid that comes again is another process', () => {
    const reused = procs.filter(({ role }) => role === 'inner-reuse');
    expect(new Set(reused.map(({ inner }) => inner)).size).toBe(1);
    const forks = of('process_fork').filter(({ pid, start_us = 0 }) =>
      reused.some((process) => process.pid === pid && process.ticks === Math.floor(start_us / 10_000)),
    );
    expect(forks.map(({ pid_inner }) => pid_inner)).toEqual(reused.map(({ inner }) => inner));
    const everybody = of('process_fork').map(({ pid, start_us }) => `${pid} ${start_us}`);
    expect(new Set(everybody).size).toBe(everybody.length);
  });

  it('begins with its fork, or with the exec that started the session', () => {
    const first = new Map<number, string>();
    for (const event of session.events)
      if (!event.preexisting && !first.has(event.pid)) first.set(event.pid, event.event_type);
    const self = of('session_start')[0]?.pid;
    for (const [pid, type] of first)
      if (pid !== self) expect([pid, type]).toEqual([pid, pid === root ? 'process_exec' : 'process_fork']);
  });

  it('is alone in the log with its relatives and agentgov', () => {
    const members = new Set([...procs, ...quick, ...exits].map(({ pid }) => pid));
    const self = of('session_start')[0]?.pid;
    const strangers = session.events.filter(({ pid }) => !members.has(pid) && pid !== self);
    expect(strangers).toEqual([]);
  });

  it('is lost nowhere', () => {
    expect(of('events_lost')).toEqual([]);
  });
});

describe('io_uring', () => {
  it('is reported when it is used, and its workers are threads of their process', async () => {
    const marks = join(folder, canary());
    mkdirSync(marks);
    const recordFile = join(folder, 'uring.record');
    const session = await monitored([program('uring'), recordFile, marks, '8']);
    expect(session.code, session.stderr).toBe(0);
    const record = readRecord(recordFile);
    const ring = record.find(([kind]) => kind === 'ring');
    const workers = record.filter(([kind]) => kind === 'worker').map(([, tid]) => Number(tid));
    const opens = record.filter(([kind]) => kind === 'open');
    if (!ring) {
      // A machine that forbids rings must say so too: the attempt is the event.
      const refused = session.events.find(({ event_type }) => event_type === 'io_uring_setup');
      expect(refused?.errno).toBe(Number(record.find(([kind]) => kind === 'refused')?.[1]));
      return;
    }
    const pid = Number(ring[1]);
    expect(workers.length).toBeGreaterThan(0);
    expect(opens.every(([, , result]) => Number(result) >= 0)).toBe(true);

    const setups = session.events.filter(({ event_type }) => event_type === 'io_uring_setup');
    expect(setups.map((event) => [event.pid, event.errno])).toEqual([[pid, undefined]]);
    expect(session.events.filter((event) => workers.includes(event.pid))).toEqual([]);
    expect(session.events.filter(({ event_type }) => event_type === 'process_fork')).toEqual([]);
    const plain = session.events.filter(({ path }) => path === `${marks}/plain`);
    expect(plain.map((event) => event.pid)).toEqual([pid]);

    const start = session.events.find(({ event_type }) => event_type === 'session_start');
    const byRing = session.events.filter(({ path }) => path?.startsWith(`${marks}/ring-`));
    if (start?.tier === 'observe') {
      // Blind there, and never silently so.
      expect(byRing).toEqual([]);
      expect(JSON.stringify(start)).toContain('io_uring');
    } else expect(new Set(byRing.map(({ path }) => path)).size).toBe(opens.length);
  });
});
