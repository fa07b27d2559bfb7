// Whom a session governs: by pid, by name, and with all that was there before it came.
import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  agentgov,
  canary,
  inet4,
  NR,
  O,
  program,
  result,
  run,
  Script,
  scratch,
  startMonitor,
  startSubject,
  tcpPeer,
  udpPeer,
  unix,
  unixPeer,
} from '../../support/index.js';

const folder = scratch();

describe('what is already open when a session begins', () => {
  it('is in the log as such: files, sockets and descendants', async () => {
    const [read, written, local] = [canary(), canary(), join(folder, canary())];
    writeFileSync(join(folder, read), '');
    const peer = await tcpPeer('127.0.0.1', 7);
    const udp = await udpPeer('127.0.0.1');
    await unixPeer(local);
    const later = join(folder, canary());
    const script = new Script()
      .call('read', NR.open, join(folder, read), O.RDONLY)
      .call('written', NR.open, join(folder, written), O.CREAT | O.WRONLY, 0o600)
      .call('tcp=t', NR.socket, 2, 1, 0)
      .call('tcp-connect', NR.connect, result('t'), inet4('127.0.0.1', peer.port), 16)
      .call('udp=u', NR.socket, 2, 2, 0)
      .call('udp-connect', NR.connect, result('u'), inet4('127.0.0.1', udp.port), 16)
      .call('unix=x', NR.socket, 1, 1, 0)
      .call('unix-connect', NR.connect, result('x'), unix(local), local.length + 3)
      .call('listening=l', NR.socket, 2, 1, 0)
      .call('listen', NR.listen, result('l'), 1)
      .fork('child', (child) => child.ready().call('later', NR.open, later, O.CREAT | O.WRONLY, 0o600));
    const subject = await startSubject(folder, script);
    const monitor = startMonitor(['--pid', String(subject.pid)]);
    const start = await monitor.seen(({ event_type }) => event_type === 'session_start');
    await monitor.seen(({ preexisting, path }) => preexisting === true && path === join(folder, read));
    subject.go();
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);

    const before = session.events.filter(({ preexisting }) => preexisting);
    const files = before.filter(({ event_type }) => /^file_/.test(event_type));
    expect(
      files.filter(({ pid, path }) => pid === subject.pid && path === join(folder, read)).map(({ access }) => access),
    ).toEqual(['read']);
    expect(
      files
        .filter(({ pid, path }) => pid === subject.pid && path === join(folder, written))
        .map(({ access }) => access),
    ).toEqual(['write']);
    const calls = before.filter((event) => event.event_type === 'network_connect' && event.pid === subject.pid);
    expect(calls.map(({ dest_ip, dest_port, protocol }) => `${protocol} ${dest_ip} ${dest_port}`).sort()).toEqual([
      `tcp 127.0.0.1 ${peer.port}`,
      `udp 127.0.0.1 ${udp.port}`,
    ]);
    expect(before.some(({ event_type, path }) => event_type === 'unix_connect' && path === local)).toBe(true);
    expect(before.some(({ event_type, pid }) => event_type === 'network_listen' && pid === subject.pid)).toBe(true);
    // The child was there before, and what it does now is its own.
    const created = session.events.find(({ path }) => path === later);
    expect(created?.preexisting).toBeUndefined();
    expect(created?.pid).not.toBe(subject.pid);
    expect(start.processes).toBe(2);
    // What began before ends within: the connection's end is told with all its bytes.
    const end = session.events.find(
      ({ event_type, dest_port }) => event_type === 'network_close' && dest_port === peer.port,
    );
    if (end) expect(end.pid).toBe(subject.pid);
  });
});

describe('--pid', () => {
  it('takes several roots as one tree, however they are written', async () => {
    const marks = [canary(), canary(), canary()].map((name) => join(folder, name));
    const subjects = await Promise.all(
      marks.map((mark) =>
        startSubject(folder, new Script().ready().call('open', NR.open, mark, O.CREAT | O.WRONLY, 0o600)),
      ),
    );
    const [one, two, three] = subjects.map(({ pid }) => String(pid));
    const monitor = startMonitor(['--pid', String(one), `${two}\n${three}\n`]);
    await monitor.seen(({ event_type }) => event_type === 'session_start');
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const subject of subjects) subject.go();
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);
    for (const [index, mark] of marks.entries()) {
      const events = session.events.filter(({ path }) => path === mark);
      expect(events.map(({ pid }) => pid)).toEqual([subjects[index]?.pid]);
    }
  });

  it('stands a process that dies during the attach', async () => {
    for (let round = 0; round < 5; round++) {
      const subject = await startSubject(folder, new Script().ready().exit(0));
      const running = startMonitor(['--pid', String(subject.pid)]);
      setTimeout(() => subject.go(), 60 * round);
      const ended = await running.ended;
      // Gone before it was found is a wrong pid; gone later is the end of the target.
      expect([0, 2], ended.stderr).toContain(ended.code);
      expect(ended.stderr).not.toMatch(/\n\s+at /);
    }
  });
});

describe('--name', () => {
  /** A helper under a name of its own. */
  function copyAs(name: string): string {
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    const copy = join(bin, name);
    copyFileSync(realpathSync(program('syscalls')), copy);
    return copy;
  }

  it('finds one process by its executable, whatever it calls itself', async () => {
    const name = canary();
    const mark = join(folder, canary());
    const script = new Script()
      .call('rename', NR.prctl, 15, 'innocent')
      .ready()
      .call('open', NR.open, mark, O.CREAT | O.WRONLY, 0o600);
    const subject = await startSubject(folder, script, copyAs(name));
    const monitor = startMonitor(['--name', `${name.slice(0, 10)}*`]);
    await monitor.seen(({ event_type }) => event_type === 'session_start');
    await new Promise((resolve) => setTimeout(resolve, 300));
    subject.go();
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);
    expect(session.events.filter(({ path }) => path === mark).map(({ pid }) => pid)).toEqual([subject.pid]);
  });

  it('lists several and refuses, unless it is told to take all', async () => {
    const name = canary();
    const idle = new Script().ready();
    const subjects = [
      await startSubject(folder, idle, copyAs(`${name}-1`)),
      await startSubject(folder, idle, copyAs(`${name}-2`)),
    ];
    const log = join(folder, canary());
    const refused = await run([agentgov, 'monitor', '--output-file', log, '--name', `${name}*`]);
    expect(refused.code).toBe(2);
    for (const { pid } of subjects) expect(refused.stderr).toMatch(new RegExp(`\\b${pid}\\b`));
    const monitor = startMonitor(['--name', `${name}*`, '--all'], { agentId: 'all' });
    const start = await monitor.seen(({ event_type }) => event_type === 'session_start');
    expect(start.processes).toBe(2);
    for (const subject of subjects) subject.go();
    expect((await monitor.finish()).code).toBe(0);
  });

  it('says that nobody is called so', async () => {
    const ended = await run([agentgov, 'monitor', '--name', canary()]);
    expect(ended.code).toBe(2);
    expect(ended.stderr.trim().split('\n').length).toBe(1);
  });

  it('waits for the first, when it is told to', async () => {
    const name = canary();
    const monitor = startMonitor(['--name', name, '--wait'], { agentId: 'waited' });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const subject = await startSubject(folder, new Script().ready(), copyAs(name));
    await monitor.seen(({ event_type }) => event_type === 'session_start');
    subject.go();
    expect((await monitor.finish()).code).toBe(0);
  });
});
