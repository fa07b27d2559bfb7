// Whoever is not governed is not in the log, and does not notice.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isFull } from '../scale.js';
import {
  AT_FDCWD,
  canary,
  inet4,
  monitored,
  NR,
  O,
  program,
  readRecord,
  result,
  run,
  Script,
  type Session,
  scratch,
  startMonitor,
  startSubject,
  tcpPeer,
} from '../support/index.js';

const folder = scratch();

/** Begins a session over a process that stands still, until the function that comes back ends both. */
async function besideSession(): Promise<() => Promise<Session>> {
  const subject = await startSubject(folder, new Script().ready());
  const monitor = startMonitor(['--pid', String(subject.pid)]);
  await monitor.seen(({ event_type }) => event_type === 'session_start');
  return () => {
    subject.go();
    return monitor.finish();
  };
}

/** Everything in a log is about a member: the command, who was forked by a member, or agentgov itself. */
function strangers(session: Session): unknown[] {
  const members = new Set([session.events[0]?.pid]);
  const root = session.events.find(({ event_type }) => event_type === 'process_exec');
  members.add(root?.pid);
  return session.events.filter(({ pid, ppid, event_type }) => {
    if (event_type === 'process_fork' && members.has(ppid)) members.add(pid);
    return !members.has(pid);
  });
}

describe('a busy process outside the tree', () => {
  it('is never in the log, though it does what the tree does, with the same program', async () => {
    const [inside, outside] = [join(folder, `in-${canary()}`), join(folder, `out-${canary()}`)];
    mkdirSync(inside);
    mkdirSync(outside);
    const peer = await tcpPeer('127.0.0.1', 3);
    const work = (marks: string, rounds: number): string => {
      const script = new Script();
      for (let n = 0; n < rounds; n++)
        script
          .call(`open${n}=f`, NR.openat, AT_FDCWD, join(marks, `${n % 50}`), O.CREAT | O.RDWR, 0o600)
          .call(`close${n}`, NR.close, result('f'))
          .call(`unlink${n}`, NR.unlink, join(marks, `${n % 50}`))
          .call(`socket${n}=s`, NR.socket, 2, 1, 0)
          .call(`connect${n}`, NR.connect, result('s'), inet4('127.0.0.1', peer.port), 16)
          .call(`shut${n}`, NR.close, result('s'))
          .fork(`child${n}`, (child) => child.call(`exec${n}`, NR.execve, '/bin/true', 0, 0));
      writeFileSync(join(marks, 'script'), script.toString());
      return join(marks, 'script');
    };
    const busy = [program('syscalls'), join(outside, 'record'), work(outside, 20_000)];
    const children = [spawn(busy[0] ?? '', busy.slice(1)), spawn(busy[0] ?? '', busy.slice(1))];
    onTestFinished(() => {
      for (const child of children) child.kill('SIGKILL');
    });
    const session = await monitored([program('syscalls'), join(inside, 'record'), work(inside, 300)]);
    expect(session.code, session.stderr).toBe(0);
    // It was busy all the time, else nothing is shown.
    expect(children.map(({ exitCode }) => exitCode)).toEqual([null, null]);
    expect(readRecord(join(inside, 'record')).length).toBe(300 * 7);
    expect(session.log.includes(outside)).toBe(false);
    expect(
      session.events.filter(({ pid, ppid }) => children.some((child) => child.pid === pid || child.pid === ppid)),
    ).toEqual([]);
    expect(strangers(session)).toEqual([]);
  });

  it('works on in a seccomp sandbox that kills it for any other system call', async () => {
    const end = await besideSession();
    // SECCOMP_MODE_STRICT: read, write and exit, and nothing else, or it is killed.
    const script = new Script().call('strict', NR.prctl, 22, 1).ready().ready().call('end', 60, 0);
    const subject = await startSubject(folder, script);
    const code = once(subject.child, 'exit');
    subject.go();
    subject.go();
    expect(await code).toEqual([0, null]);
    expect((await end()).code).toBe(0);
  });

  it('makes the same system calls, seen by strace, with and without a session', async () => {
    const marks = join(folder, canary());
    mkdirSync(marks);
    const script = new Script();
    for (let n = 0; n < 100; n++)
      script
        .call(`open${n}=f`, NR.open, join(marks, `${n}`), O.CREAT | O.RDWR, 0o600)
        .call(`close${n}`, NR.close, result('f'))
        .call(`unlink${n}`, NR.unlink, join(marks, `${n}`))
        .call(`missing${n}`, NR.open, join(marks, `${n}`), O.RDONLY);
    writeFileSync(join(marks, 'script'), script.toString());
    const calls = async (name: string): Promise<string[]> => {
      const trace = join(marks, name);
      const ended = await run([
        'strace',
        '-o',
        trace,
        program('syscalls'),
        join(marks, 'record'),
        join(marks, 'script'),
      ]);
      expect(ended.code, ended.stderr).toBe(0);
      // Addresses, pids and random bytes differ from run to run; names, paths and results do not.
      const lines = readFileSync(trace, 'utf8').split('\n');
      return lines
        .map((line) => line.replace(/0x[0-9a-f]+|"\\x[^"]*"|\b\d{2,}\b/g, '_').replace(/ +/g, ' '))
        .filter((line) => !/^write|^getrandom/.test(line));
    };
    const before = await calls('before');
    const end = await besideSession();
    const during = await calls('during');
    const session = await end();
    expect(during).toEqual(before);
    expect(during.length).toBeGreaterThan(400);
    expect(session.log.includes(marks)).toBe(false);
  });

  it.runIf(isFull)('is not taken for a former member whose pid it got', { timeout: 120_000 }, async () => {
    const pidMax = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
    if (pidMax > 65_536) return;
    const subject = await startSubject(
      folder,
      new Script()
        .ready()
        .fork('gone', (child) => child.exit(0))
        .ready(),
    );
    const monitor = startMonitor(['--pid', String(subject.pid)]);
    await monitor.seen(({ event_type }) => event_type === 'session_start');
    subject.go();
    const gone = await monitor.seen(({ event_type }) => event_type === 'process_exit');
    const mark = join(folder, canary());
    const reused = await run([program('reuse'), String(gone.pid), String(3 * pidMax), mark], { timeout: 100_000 });
    expect(reused.stdout.toString()).toBe(`${gone.pid} reused\n`);
    expect(existsSync(mark)).toBe(true);
    subject.go();
    const session = await monitor.finish();
    expect(session.log.includes(mark)).toBe(false);
    expect(session.events.filter(({ pid }) => pid === gone.pid).map(({ event_type }) => event_type)).toEqual([
      'process_fork',
      'process_exit',
    ]);
  });
});
