// However a session ends, its log says why and holds, and the exit code is right.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  agentgov,
  alive,
  canary,
  descendants,
  memory,
  NR,
  O,
  program,
  type Running,
  run,
  Script,
  type Session,
  scratch,
  startMonitor,
  startSubject,
} from '../../support/index.js';

const folder = scratch();
const inMemory = scratch(memory);

/** A subject that opens a file every 20 ms until it is killed. */
function busy(): Script {
  const script = new Script().ready();
  for (let n = 0; n < 3000; n++) script.call(`open${n}`, NR.open, `${folder}/busy-${n}`, O.RDONLY).sleep(20);
  return script;
}

/** Attaches to a busy subject and waits until its work is in the log. */
async function attached(flags: string[] = []): Promise<{ pid: number; monitor: Running; child: { kill(): boolean } }> {
  const subject = await startSubject(folder, busy());
  const monitor = startMonitor(['--pid', String(subject.pid)], { flags, agentId: canary() });
  await monitor.seen(({ event_type }) => event_type === 'session_start');
  subject.go();
  await monitor.seen(({ path }) => path?.startsWith(`${folder}/busy-`) === true);
  return { pid: subject.pid, monitor, child: { kill: () => subject.child.kill('SIGKILL') } };
}

function expectEnd(session: Session, reason: RegExp): void {
  const ends = session.events.filter(({ event_type }) => event_type === 'session_end');
  expect(ends.length).toBe(1);
  expect(ends[0]?.reason).toMatch(reason);
  expect(session.events.at(-1)).toEqual(ends[0]);
  expect(ends[0]?.events).toBe(session.events.length);
}

/** The loader that belongs to one running agentgov: a descendant of it, by its executable. */
function loaderOf(pid: number): number {
  for (const one of descendants(pid))
    try {
      if (readlinkSync(`/proc/${one}/exe`).endsWith('/agentgov-loader')) return one;
    } catch {
      // It ended meanwhile.
    }
  throw new Error(`no loader below ${pid}`);
}

describe('a session ends', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('at %s, and the target goes on', async (signal) => {
    const { pid, monitor } = await attached();
    monitor.child.kill(signal);
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);
    expectEnd(session, new RegExp(signal, 'i'));
    expect(alive(pid)).toBe(true);
  });

  it('after --duration, and the target goes on', async () => {
    const subject = await startSubject(folder, busy());
    subject.go();
    const session = await startMonitor(['--pid', String(subject.pid)], { flags: ['--duration', '1'] }).finish();
    expect(session.code, session.stderr).toBe(0);
    expectEnd(session, /duration of 1 s/);
    const start = session.events.find(({ event_type }) => event_type === 'session_start');
    const lasted = ((session.events.at(-1)?.ts_us ?? 0) - (start?.ts_us ?? 0)) / 1e6;
    expect(lasted).toBeGreaterThan(0.9);
    expect(alive(subject.pid)).toBe(true);
  });

  it('when the target has ended', async () => {
    const { pid, monitor, child } = await attached();
    child.kill();
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);
    expectEnd(session, /\w/);
    const exits = session.events.filter((event) => event.event_type === 'process_exit' && event.pid === pid);
    expect(exits.map(({ signal }) => signal)).toEqual(['SIGKILL']);
  });

  it('when its loader dies, which is a failure', async () => {
    const { pid, monitor } = await attached();
    process.kill(loaderOf(monitor.child.pid ?? -1), 'SIGKILL');
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(4);
    expectEnd(session, /loader/i);
    expect(alive(pid)).toBe(true);
  });

  it('when its loader dies under a command, which goes on to its own end', async () => {
    const mark = join(folder, canary());
    const monitor = startMonitor([
      '--',
      'sh',
      '-c',
      `touch ${mark}-1; until [ -e ${mark}-go ]; do sleep 0.1; done; touch ${mark}-2; exit 3`,
    ]);
    await monitor.seen(({ path }) => path === `${mark}-1`);
    process.kill(loaderOf(monitor.child.pid ?? -1), 'SIGKILL');
    writeFileSync(`${mark}-go`, '');
    const session = await monitor.finish();
    expect(existsSync(`${mark}-2`)).toBe(true);
    // Its log could not be completed.
    expect(session.code, session.stderr).toBe(4);
    expectEnd(session, /loader/i);
  });

  it('when nobody reads its output any more', async () => {
    const { pid, monitor } = await attached();
    monitor.child.stdout?.destroy();
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);
    expectEnd(session, /stdout|output/i);
    expect(alive(pid)).toBe(true);
  });

  it('when its disk is full, with a log that holds and says so', async () => {
    const disk = join(folder, canary());
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk]);
    onTestFinished(() => {
      execFileSync('umount', ['-l', disk]);
    });
    const files = join(inMemory, canary());
    mkdirSync(files);
    await run([program('flood'), 'make', files, '2', '5000']);
    const flood = [program('flood'), 'open', join(folder, canary()), files, '2', '5000', '1', '0'];
    const session = await startMonitor(['--', ...flood], { logFile: join(disk, 'audit.jsonl') }).finish();
    expect(session.code, session.stderr).toBe(4);
    expectEnd(session, /space|full|disk|ENOSPC/i);
    expect(session.stderr).toMatch(/space|full|disk|ENOSPC/i);
    expect(session.verdict.verdict).toBe('intact');
  });

  it('when it is told to stop its agent: the whole tree is gone, whatever it did to leave', async () => {
    const agentId = canary();
    const marks = join(folder, canary());
    mkdirSync(marks);
    const shell = `for n in 1 2 3; do (setsid sh -c 'echo $$ > ${marks}/$0; trap "" TERM INT HUP; while :; do sleep 0.1; done' $n &) ; done; sleep 60`;
    const monitor = startMonitor(['--', 'sh', '-c', shell], { agentId });
    for (const n of [1, 2, 3])
      await monitor.seen(({ path, event_type }) => path === `${marks}/${n}` && event_type === 'file_create');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const pids = readdirSync(marks).map((name) => Number(readFileSync(join(marks, name), 'utf8')));
    onTestFinished(() => {
      for (const pid of pids.filter(alive)) process.kill(pid, 'SIGKILL');
    });
    expect(pids.filter(alive).length).toBe(3);
    const status = await run([agentgov, 'status']);
    expect(status.code, status.stderr).toBe(0);
    expect(status.stdout.toString()).toContain(agentId);
    const stop = await run([agentgov, 'stop', agentId]);
    expect(stop.code, stop.stderr).toBe(0);
    expect(pids.filter(alive)).toEqual([]);
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(137);
    expectEnd(session, /stop/i);
    const killed = session.events.filter(
      ({ event_type, signal }) => event_type === 'process_exit' && signal === 'SIGKILL',
    );
    expect(pids.filter((pid) => !killed.some((event) => event.pid === pid))).toEqual([]);
  });
});
