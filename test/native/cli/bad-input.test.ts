// Bad input: one sentence that says what to do, the right exit code, nothing lost.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  agentgov,
  canary,
  chainFault,
  type Finished,
  monitored,
  repo,
  run,
  scratch,
  startMonitor,
} from '../../support/index.js';

const folder = scratch();
const newLog = (): string => join(folder, canary());

function expectSentence(ended: Finished, code: number): void {
  expect(ended.code, ended.stderr).toBe(code);
  const lines = ended.stderr.trimEnd().split('\n');
  expect(lines.length, ended.stderr).toBe(1);
  expect(lines[0]).toMatch(/\w.*[.)]$/);
  expect(ended.stdout.length).toBe(0);
}

/** `monitor` where an empty read-only file system hides a folder. */
const hidden = (place: string, words: string[]): Promise<Finished> => {
  const line = `mount -t tmpfs -o ro none ${place} && exec "$0" monitor "$@"`;
  return run(['unshare', '--mount', 'sh', '-c', line, agentgov, ...words]);
};

/** Process 2 of a machine; in a PID namespace of its own there is none to be named. */
const isKernels = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`).length === 0;

const unusedPid = (): string => {
  for (let pid = 32_000; pid > 300; pid--) if (!existsSync(`/proc/${pid}`)) return String(pid);
  throw new Error('every pid is in use');
};

describe('a target that is none', () => {
  it.each([
    ['no target at all', () => []],
    ['a pid of nobody', () => ['--pid', unusedPid()]],
    ['no pid, as an empty $(pgrep) leaves it', () => ['--pid']],
    ['an empty word for a pid', () => ['--pid', '']],
    ['no pid and a flag behind it', () => ['--pid', '--output', 'jsonl']],
    ['a word for a pid', () => ['--pid', 'claude']],
    ['a negative pid', () => ['--pid', '-1']],
    ['pid 0', () => ['--pid', '0']],
    ['a fraction', () => ['--pid', '1.5']],
    ['a number that no pid can be', () => ['--pid', '99999999999999999999']],
    ['one good and one bad pid', () => ['--pid', '1', 'x']],
    ['a name with a slash', () => ['--name', '/bin/sh']],
    ['an empty name', () => ['--name', '']],
    ['a pid and a command', () => ['--pid', '1', '--', 'true']],
    ['nothing behind the dashes', () => ['--']],
    ['an unknown flag', () => ['--no-such-flag', '--', 'true']],
    ['a duration that is none', () => ['--duration', 'soon', '--', 'true']],
    ['a negative duration', () => ['--duration', '-3', '--', 'true']],
    ['an output that is none', () => ['--output', 'xml', '--', 'true']],
    ['a finding that is none', () => ['--fail-on', 'rain', '--', 'true']],
    ['an agent id that leaves its folder', () => ['--agent-id', '../../etc/x', '--', 'true']],
    ['an empty agent id', () => ['--agent-id', '', '--', 'true']],
    ['itself', () => ['--pid', String(process.pid)]],
  ])('%s', async (_, args) => {
    const log = newLog();
    const ended = await run([agentgov, 'monitor', '--output-file', log, ...args()]);
    expectSentence(ended, 2);
    expect(existsSync(log)).toBe(false);
  });

  it.runIf(isKernels(2))('a thread of the kernel', async () => {
    expectSentence(await run([agentgov, 'monitor', '--output-file', newLog(), '--pid', '2']), 2);
  });

  it('never becomes a command: an empty --pid swallows nothing', async () => {
    const mark = join(folder, canary());
    const ended = await run([agentgov, 'monitor', '--output-file', newLog(), '--pid', 'touch', mark]);
    expectSentence(ended, 2);
    expect(existsSync(mark)).toBe(false);
  });
});

describe('a log that cannot be written', () => {
  it('because its folder is missing', async () => {
    const mark = join(folder, canary());
    const ended = await run([
      agentgov,
      'monitor',
      '--output-file',
      join(folder, canary(), 'audit.jsonl'),
      '--',
      'touch',
      mark,
    ]);
    expectSentence(ended, 2);
    expect(existsSync(mark)).toBe(false);
  });

  it('because its folder is read-only', async () => {
    const disk = join(folder, canary());
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'none', disk]);
    onTestFinished(() => {
      execFileSync('umount', [disk]);
    });
    const mark = join(folder, canary());
    const ended = await run([agentgov, 'monitor', '--output-file', join(disk, 'audit.jsonl'), '--', 'touch', mark]);
    expectSentence(ended, 2);
    expect(existsSync(mark)).toBe(false);
  });

  it('because nothing can be made where logs go by default', async () => {
    const mark = join(folder, canary());
    const ended = await hidden('/var/log', ['--', 'touch', mark]);
    expectSentence(ended, 2);
    expect(ended.stderr).toContain('the file system is read-only');
    expect(existsSync(mark)).toBe(false);
  });

  it('because it is a folder', async () => {
    expectSentence(await run([agentgov, 'monitor', '--output-file', folder, '--', 'true']), 2);
  });

  it('because it does not verify: it stays as it is, and the line is named', async () => {
    const session = await monitored(['ls', '/']);
    const lines = session.log.toString('latin1').split('\n');
    const bad = Math.max(3, Math.floor(lines.length / 2));
    const flipped = (lines[bad - 1] ?? '').replace('"pid": ', '"pid": 1');
    expect(flipped).not.toBe(lines[bad - 1]);
    lines[bad - 1] = flipped;
    const forged = Buffer.from(lines.join('\n'), 'latin1');
    writeFileSync(session.logFile, forged);
    const mark = join(folder, canary());
    const ended = await run([agentgov, 'monitor', '--output-file', session.logFile, '--', 'touch', mark]);
    expect([1, 2], ended.stderr).toContain(ended.code);
    expectSentence(ended, ended.code ?? -1);
    expect(ended.stderr).toMatch(new RegExp(`\\b${bad}\\b`));
    expect(readFileSync(session.logFile).equals(forged)).toBe(true);
    expect(existsSync(mark)).toBe(false);
  });

  it('because another session writes it', async () => {
    const monitor = startMonitor(['--', 'sleep', '30'], { agentId: canary() });
    await monitor.seen(({ event_type }) => event_type === 'session_start');
    const mark = join(folder, canary());
    const second = await run([
      agentgov,
      'monitor',
      '--agent-id',
      canary(),
      '--output-file',
      monitor.logFile,
      '--',
      'touch',
      mark,
    ]);
    expectSentence(second, 2);
    expect(existsSync(mark)).toBe(false);
    const sleeper = monitor.events().find(({ event_type }) => event_type === 'process_exec');
    process.kill(sleeper?.pid ?? -1, 'SIGTERM');
    const session = await monitor.finish();
    expect(session.code).toBe(143);
    expect(chainFault(session.log)).toBeUndefined();
  });
});

describe('what is missing', () => {
  it('a place for the control socket', async () => {
    const mark = join(folder, canary());
    const ended = await hidden('/run', ['--output-file', newLog(), '--', 'touch', mark]);
    expectSentence(ended, 4);
    expect(ended.stderr).toContain('/run/agentgov');
    expect(existsSync(mark)).toBe(false);
  });

  it('privilege: it names the capability', async () => {
    // The same user without any: another one might not be able to read this checkout.
    const bare = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all', agentgov];
    const mark = join(folder, canary());
    const ended = await run([...bare, 'monitor', '--output-file', newLog(), '--', 'touch', mark]);
    expectSentence(ended, 3);
    expect(ended.stderr).toMatch(/CAP_[A-Z_]+/);
    expect(existsSync(mark)).toBe(false);
  });

  /** The package as it is, but with another loader. */
  function copyWithLoader(loader: string | undefined): string {
    const copy = join(folder, canary());
    for (const part of ['bin', 'package.json', 'dist']) cpSync(join(repo, part), join(copy, part), { recursive: true });
    symlinkSync(join(repo, 'node_modules'), join(copy, 'node_modules'));
    if (loader !== undefined) {
      mkdirSync(join(copy, 'bpf', 'build'), { recursive: true });
      writeFileSync(join(copy, 'bpf', 'build', 'agentgov-loader'), loader, { mode: 0o755 });
    }
    onTestFinished(() => rmSync(copy, { recursive: true }));
    return join(copy, 'bin/agentgov');
  }

  const hello = {
    msg: 'hello',
    protocol: 1,
    version: '9.9.9',
    kernel: '1',
    tier: 'observe',
    tier_reason: 'x',
    leaky: false,
    btf: true,
    boot_id: 'x',
    notes: [],
  };

  /** A loader that does this when it is told to run, and nothing when it is told anything else. */
  const asRun = (shell: string): string => `#!/bin/sh\n[ "$1" = run ] || exit 125\n${shell}\n`;

  it.each([
    ['the loader', undefined],
    ['a loader of this version', asRun(`echo '${JSON.stringify(hello)}'; cat >/dev/null`)],
    ['a loader that speaks', asRun('exit 0')],
    ['a loader that makes sense', asRun('echo not-json; cat >/dev/null')],
  ])('%s', async (_, loader) => {
    const mark = join(folder, canary());
    const ended = await run([copyWithLoader(loader), 'monitor', '--output-file', newLog(), '--', 'touch', mark]);
    expectSentence(ended, 4);
    expect(existsSync(mark)).toBe(false);
  });
});
