// How a log is written, by the flags of monitor: in several files, with checkpoints, which go elsewhere as they are made.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { findLogs, makeKey, verifyLog } from '../../../src/audit/index.js';
import { folder } from '../audit/logs.js';
import { install, monitor } from './installed.js';

vi.setConfig({ testTimeout: 60_000 });

const targets: ChildProcess[] = [];
afterEach(() => {
  for (const child of targets.splice(0)) child.kill('SIGKILL');
});
function target(): string {
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
  targets.push(child);
  return String(child.pid);
}

describe('monitor', () => {
  it('rotates, signs and pushes, and stdout is the bytes of all files', async () => {
    const place = folder();
    const [key, copy, log] = [join(place, 'key'), join(place, 'copy'), join(place, 'log', 'audit.jsonl')];
    const vkey = await makeKey(key, 'example.org/host');
    const flags = ['--rotate-size', '64K', '--fsync-ms', '50', '--key', key];
    const own = ['--checkpoint-events', '700', '--checkpoint-every', '1h', '--checkpoint-push', copy];
    mkdirSync(dirname(log));
    const session = monitor(install({ bulk: 3000 }), ['--pid', target(), ...flags, ...own], { log });
    await session.seen('file_open');
    targets[0]?.kill('SIGKILL');
    const { code, stdout, stderr } = await session.result;
    expect(code, stderr).toBe(0);
    const files = readdirSync(dirname(log))
      .filter((name) => name.endsWith('.jsonl'))
      .sort();
    expect(files.length).toBeGreaterThan(3);
    expect(files.at(-1)).toBe(basename(log));
    const whole = Buffer.concat(files.map((name) => readFileSync(join(dirname(log), name))));
    expect(stdout.equals(whole)).toBe(true);
    const [found] = await findLogs([dirname(log)]);
    expect(found && (await verifyLog(found, { keys: [vkey], checkpoints: copy }))).toMatchObject({
      verdict: 'intact',
      checks: { tip: 'ok', checkpoints: 'ok' },
    });
    expect(readFileSync(copy, 'utf8')).toBe(readFileSync(`${log}.checkpoints`, 'utf8'));
  });

  it.each([
    [['--rotate-size', '12']],
    [['--rotate-age', '5']],
    [['--fsync-ms', '-1']],
    [['--key', '/nowhere/key']],
    [['--no-checkpoints', '--checkpoint-events', '5']],
    [['--checkpoint-push', 'udp://127.0.0.1:1']],
    [['--checkpoint-push']],
  ])('refuses %j', async (flags) => {
    const { code, stderr } = await monitor(install({}), ['--pid', target(), ...flags]).result;
    expect(code, stderr).toBe(2);
    expect(stderr.split('\n')).toHaveLength(2);
  });
});
