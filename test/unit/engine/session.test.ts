import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openControl, runtimeFolder, socketPath } from '../../../src/control/index.js';
import { stateFolder } from '../../../src/targets/index.js';
import { expectWhole, install, monitor, run } from './installed.js';

vi.setConfig({ testTimeout: 60_000 });

const targets: ReturnType<typeof spawn>[] = [];
function target(): string {
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
  targets.push(child);
  return String(child.pid);
}
afterEach(() => {
  for (const child of targets.splice(0)) child.kill('SIGKILL');
});

describe('a session on a running process', () => {
  it('records what the loader tells, in order, and ends with its target', async () => {
    const root = install({
      bulk: 3000,
      events: [{ event_type: 'process_exec', argv: ['/bin/x', 'ä\n'], path: '/bin/x' }],
    });
    const pid = target();
    const session = monitor(root, ['--pid', pid]);
    await session.seen('file_open');
    targets[0]?.kill('SIGKILL');
    const { code, stdout, stderr } = await session.result;
    expect(code, stderr).toBe(0);
    const end = await expectWhole(session);
    expect(end).toMatchObject({ lost: 0, reason: 'the last process of the tree has ended' });
    const events = session.events();
    expect(events[0]).toMatchObject({ target_pids: [pid], processes: 1, tier: 'observe', mode: 'monitor' });
    expect(events[0]?.run_id).toMatch(/^[0-9a-f]{16}$/);
    expect(events[0]?.notes).toContain('io_uring work is invisible.');
    expect(events[1]).toMatchObject({ event_type: 'process_exec', argv: ['/bin/x', 'ä\n'] });
    expect(events.slice(2, -1).map(({ path }) => path)).toEqual(
      Array.from({ length: 3000 }, (_, i) => `/data/${3000 - i}`),
    );
    // Not a terminal: the bytes of the log.
    expect(stdout.equals(readFileSync(session.log))).toBe(true);
    expect(stderr).toContain(session.log);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends with 0 at %s, and the target goes on', async (signal) => {
    const session = monitor(install({ bulk: 10 }), ['--pid', target()]);
    await session.seen('file_open');
    session.child.kill(signal);
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(0);
    expect((await expectWhole(session)).reason).toContain(signal);
    expect(targets[0]?.exitCode).toBeNull();
  });

  it('ends after --duration', async () => {
    const session = monitor(install({}), ['--pid', target(), '--duration', '0.5']);
    expect((await session.result).code).toBe(0);
    expect((await expectWhole(session)).reason).toBe('the duration of 0.5 s is over');
  });

  it.each<[string, Parameters<typeof install>[0], RegExp]>([
    ['is killed', { bulk: 500, killAfterEvents: true }, /the loader was killed by SIGKILL; what happened after that/],
    ['breaks its protocol', { raw: ['nonsense'] }, /the loader wrote a line that is not of its protocol/],
    [
      'sends what no record may hold',
      { raw: ['{"action": "OBSERVED", "event_type": "x", "pid": 1.5}'] },
      /internal error/,
    ],
  ])('ends with 4 when the loader %s', async (_name, script, reason) => {
    const session = monitor(install(script), ['--pid', target()]);
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(4);
    expect((await expectWhole(session)).reason).toMatch(reason);
    expect(session.events()).toHaveLength((script?.bulk ?? 0) + 2);
  });

  it('ends with 0 when nobody reads its output any more, and says so', async () => {
    const session = monitor(install({ bulk: 20_000 }), ['--pid', target()]);
    session.child.stdout?.once('data', () => session.child.stdout?.destroy());
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(0);
    expect((await expectWhole(session)).reason).toMatch(/stdout was closed/);
    expect(stderr).toMatch(/Ended: stdout was closed/);
  });

  it('ends with 0 when its output is full, and says so', async () => {
    const stdout = openSync('/dev/full', 'w');
    const session = monitor(install({ bulk: 10 }), ['--pid', target()], { stdout });
    const { code, stderr } = await session.result;
    closeSync(stdout);
    expect(code, stderr).toBe(0);
    expect((await expectWhole(session)).reason).toBe('stdout could not be written (ENOSPC)');
  });

  it('goes on recording when the reader of its output stands still, and can be ended', async () => {
    const session = monitor(install({ bulk: 30_000 }), ['--pid', target()], { read: false });
    await expect.poll(() => session.events().length, { timeout: 30_000, interval: 200 }).toBe(30_001);
    session.child.kill('SIGTERM');
    await session.seen('session_end');
    await expectWhole(session);
    // It waits for its reader, until it is told a second time.
    await sleep(300);
    expect(session.child.exitCode).toBeNull();
    session.child.kill('SIGTERM');
    expect((await session.result).code).toBe(0);
  });

  it('gets a file as its output too', async () => {
    const session = monitor(install({ bulk: 100 }), ['--pid', target(), '--output', 'pretty', '--duration', '1']);
    const { stdout } = await session.result;
    const lines = stdout.toString().trimEnd().split('\n');
    expect(lines).toHaveLength(102);
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} agent\[4242\] open \/data\/100 \(read\)$/);
  });
});

describe('what goes into the log', () => {
  const secret = `sk-ant-api03-${'Ab1-'.repeat(20)}`;

  it('has no secret in it, on the fast way or the slow one', async () => {
    const session = monitor(
      install({
        events: [
          { event_type: 'file_open', access: 'read', path: `/x/${secret}`, syscall: 'openat' },
          { event_type: 'file_attr', access: 'attr', path: '/y', syscall: 'setxattr', value: `token=${secret}` },
          {
            event_type: 'file_open',
            access: 'read',
            comm: 'a',
            exe: `/opt/${secret}/bin`,
            path: '/z',
            syscall: 'openat',
          },
          { event_type: 'process_exec', argv: ['curl', '-H', `Authorization: Bearer ${secret}`], path: '/bin/curl' },
        ],
        emptyAfterEvents: true,
      }),
      ['--pid', target()],
    );
    expect((await session.result).code).toBe(0);
    await expectWhole(session);
    expect(readFileSync(session.log, 'latin1')).not.toContain(secret);
    const events = session.events().slice(1, 5);
    for (const event of events) expect(event.credential).toMatch(/^[0-9a-f]{16}$/);
    expect(new Set(events.map(({ credential }) => credential)).size).toBe(1);
  });

  it('names the addresses that an answer explained', async () => {
    // agent.example A 192.0.2.7
    const answer = Buffer.from(
      'abcd81800001000100000000056167656e74076578616d706c650000010001c00c000100010000003c0004c0000207',
      'hex',
    );
    const dns = {
      msg: 'dns',
      pid: 4242,
      tid: 4242,
      start_us: 1,
      ts_us: 2,
      timestamp: '2026-04-14T09:23:01.000Z',
      comm: 'agent',
      exe: '/usr/bin/agent',
      uid: 0,
      gid: 0,
      ppid: 1,
      server_ip: '192.0.2.53',
      server_port: 53,
      protocol: 'udp',
      length: answer.length,
      data: answer.toString('base64'),
    };
    const session = monitor(
      install({
        raw: [JSON.stringify(dns)],
        after: [
          { event_type: 'network_connect', dest_ip: '192.0.2.7', dest_port: 443, protocol: 'tcp', syscall: 'connect' },
        ],
        emptyAfterEvents: true,
      }),
      ['--pid', target()],
    );
    expect((await session.result).code).toBe(0);
    await expectWhole(session);
    const [, told, connect] = session.events();
    expect(told).toMatchObject({ event_type: 'dns_answer', dest_domain: 'agent.example', answers: ['A 192.0.2.7'] });
    expect(connect).toMatchObject({ event_type: 'network_connect', dest_domain: 'agent.example' });
  });

  it('says what was lost, whoever lost it', async () => {
    const session = monitor(
      install({
        raw: ['{"msg":"lost","class":"file","count":7,"reason":"ring_full"}'],
        emptyAfterEvents: true,
        // Five more than were told.
        lostAtEnd: { file: 12 },
      }),
      ['--pid', target(), '--fail-on', 'loss'],
    );
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('12 LOST');
    expect(await expectWhole(session)).toMatchObject({ lost: 12 });
    expect(await verifyLost(session.log)).toBe(12);
  });

  const verifyLost = async (log: string): Promise<number> => {
    const { verifyFile } = await import('../../../src/audit/index.js');
    return (await verifyFile(log)).events_lost;
  };

  it.each([
    ['block', { event_type: 'file_open', action: 'BLOCKED', access: 'read', path: '/x', syscall: 'openat' }],
    [
      'would-block',
      { event_type: 'network_connect', action: 'WOULD_BLOCK', dest_ip: '192.0.2.1', dest_port: 1, syscall: 'connect' },
    ],
    ['hold', { event_type: 'file_delete', action: 'WOULD_HOLD', access: 'delete', path: '/x', syscall: 'unlink' }],
    ['blind', { event_type: 'io_uring_setup', syscall: 'io_uring_setup' }],
    ['blind', { event_type: 'tls_coverage', coverage: 'blind' }],
    ['blind', { event_type: 'tls_coverage', coverage: 'partial' }],
  ])('can be a finding: %s', async (finding, event) => {
    const root = install({ events: [event], emptyAfterEvents: true });
    const asked = monitor(root, ['--pid', target(), '--fail-on', finding]);
    expect((await asked.result).code).toBe(1);
    await expectWhole(asked);
    const other = finding === 'loss' ? 'block' : 'loss';
    expect((await monitor(root, ['--pid', target(), '--fail-on', other]).result).code).toBe(0);
  });

  it('continues in the next session', async () => {
    const root = install({ bulk: 5 });
    const first = monitor(root, ['--pid', target(), '--duration', '0.3']);
    await first.result;
    await expectWhole(first);
    const second = monitor(root, ['--pid', target(), '--duration', '0.3'], { log: first.log });
    const { stdout } = await second.result;
    const events = second.events();
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ event_type: 'session_end', events: 7 });
    // Its output is this session's alone.
    expect(stdout.toString().split('\n')).toHaveLength(8);
  });
});

describe('a session with a command', () => {
  it.each<[string[], number, object]>([
    [['true'], 0, { exit_code: 0 }],
    [['sh', '-c', 'exit 7'], 7, { exit_code: 7 }],
    [['sh', '-c', 'kill -9 $$'], 137, { signal: 'SIGKILL' }],
  ])('ends as %j ends: %i', async (command, code, end) => {
    const session = monitor(install({}), ['--', ...command]);
    const result = await session.result;
    expect(result.code, result.stderr).toBe(code);
    expect(await expectWhole(session)).toMatchObject(end);
    expect(session.events()[0]).toMatchObject({ argv: command, cwd: process.cwd() });
  });

  it('leaves stdout to the command, unless it is told otherwise', async () => {
    const root = install({ bulk: 3 });
    const quiet = await monitor(root, ['--', 'echo', 'hello']).result;
    expect(quiet.stdout.toString()).toBe('hello\n');
    const shown = await monitor(root, ['--output', 'jsonl', '--', 'true']).result;
    expect(shown.stdout.toString().split('\n').length).toBe(6);
  });

  it.each([
    ['no-such-command-anywhere', 127, /The command no-such-command-anywhere was not found/],
    ['/etc/passwd', 126, /The command \/etc\/passwd cannot be executed/],
  ])('gives what a shell gives for %s', async (name, code, message) => {
    const session = monitor(install({}), ['--', name]);
    const result = await session.result;
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
  });

  it('leaves Ctrl-C to the command, and ends at SIGTERM', async () => {
    const session = monitor(install({ bulk: 2 }), ['--', 'sleep', '4']);
    await session.seen('file_open');
    session.child.kill('SIGINT');
    await sleep(300);
    expect(session.child.exitCode).toBeNull();
    session.child.kill('SIGTERM');
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(143);
    expect((await expectWhole(session)).reason).toContain('SIGTERM');
  });

  it('ends at the third Ctrl-C in a row, with a hint at the second', async () => {
    const session = monitor(install({ bulk: 2 }), ['--', 'sleep', '4']);
    await session.seen('file_open');
    let said = '';
    session.child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    // Two that are not yet handled are one to the kernel: so each is given time, and the hint says where we are.
    const press = async () => {
      session.child.kill('SIGINT');
      await sleep(100);
    };
    await press();
    expect(said).not.toMatch(/once more/);
    while (!/Ctrl-C is for the command; once more/.test(said)) await press();
    while (session.child.exitCode === null && session.child.signalCode === null) await press();
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(130);
    await expectWhole(session);
  });

  it('gives the terminal back only when the command ends, also when the recording has', async () => {
    const session = monitor(install({ bulk: 2 }), ['--duration', '0.3', '--', 'sh', '-c', 'sleep 2; exit 9']);
    await session.seen('session_end');
    await expectWhole(session);
    expect(session.child.exitCode).toBeNull();
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(9);
    expect(stderr).toMatch(/the command goes on without it/);
  });

  it('says 4 when the log could not be completed, whatever the command said', async () => {
    const session = monitor(install({ bulk: 2, killAfterEvents: true }), ['--', 'sh', '-c', 'sleep 1; exit 9']);
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(4);
    expect((await expectWhole(session)).reason).toMatch(/the loader was killed/);
  });
});

describe('the control socket of a session', () => {
  const uid = process.geteuid?.() ?? 0;
  const folder = runtimeFolder(uid, process.env, stateFolder(uid, process.env));
  const peer = `${process.pid} ${uid} 0\n`;

  it('tells the status, and stops the tree', async () => {
    const session = monitor(install({ bulk: 10, peer }), ['--pid', target()]);
    await session.seen('file_open');
    const client = await openControl(socketPath(folder, session.agentId));
    expect(client.hello.agent_id).toBe(session.agentId);
    expect(await client.request('status')).toMatchObject({
      agent_id: session.agentId,
      pid: session.child.pid,
      tier: 'observe',
      log: session.log,
      events: 11,
      lost: 0,
      processes: 1,
    });
    expect(await client.request('stop')).toMatchObject({ killed: 1, left: 0, log: session.log });
    const { code, stderr } = await session.result;
    expect(code, stderr).toBe(0);
    expect((await expectWhole(session)).reason).toBe('stopped on request: 1 process was killed, none is left');
  });

  it('goes on recording what could not be killed', async () => {
    const session = monitor(install({ bulk: 10, peer, unkillable: true }), ['--pid', target()]);
    await session.seen('file_open');
    const client = await openControl(socketPath(folder, session.agentId));
    expect(await client.request('stop')).toMatchObject({ killed: 0, left: 1 });
    expect(await client.request('status')).toMatchObject({ processes: 1 });
    client.close();
    session.child.kill('SIGTERM');
    expect((await session.result).code).toBe(0);
    expect((await expectWhole(session)).notes).toEqual([expect.stringMatching(/stop was asked for: 0 .* 1 live on/)]);
  });

  it('lets nobody of the tree in', async () => {
    const session = monitor(install({ bulk: 10, peer, members: [process.pid] }), ['--pid', target()]);
    await session.seen('file_open');
    await expect(openControl(socketPath(folder, session.agentId))).rejects.toThrow(/A governed process may not/);
    session.child.kill('SIGTERM');
    await session.result;
  });

  it('keeps a second session off the same agent, which loses nothing by it', async () => {
    const root = install({ bulk: 10, peer });
    const first = monitor(root, ['--pid', target()]);
    await first.seen('file_open');
    const second = await monitor(root, ['--pid', target()], { agentId: first.agentId }).result;
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(new RegExp(`"${first.agentId}" is already governed`));
    first.child.kill('SIGTERM');
    expect((await first.result).code).toBe(0);
    await expectWhole(first);
    expect((await run(root, 'stop', first.agentId)).code).toBe(2);
  });
});
