// Bad input: one sentence that says what to do, the right exit code, nothing lost. What needs no kernel.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { expectWhole, finished, install, monitor, newLog, type Result, run, start } from '../engine/installed.js';

vi.setConfig({ testTimeout: 60_000 });

function expectSentence({ code, stdout, stderr }: Result, wanted: number, message: RegExp): void {
  expect(code, stderr).toBe(wanted);
  expect(stderr).toMatch(/^agentgov: [^\n]*[.)]\n$/);
  expect(stderr).toMatch(message);
  expect(stdout.length).toBe(0);
}

function sleeper(): string {
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return String(child.pid);
}

/** A number that is a thread's, and no process's. */
const aThread = (): string =>
  readdirSync('/proc/self/task').find((tid) => tid !== String(process.pid)) ?? 'none in this process';

describe('the words of monitor', () => {
  it.each<[string, string[], RegExp]>([
    ['no target', [], /Say whom to govern/],
    ['an empty $(pgrep)', ['--pid'], /--pid needs at least one pid/],
    ['an empty $(pgrep) and a flag', ['--pid', '--duration', '5'], /--pid needs at least one pid/],
    ['no such pid', ['--pid', '4194303'], /There is no process 4194303/],
    ['a command for a pid', ['--pid', 'touch', '/tmp/x'], /a command goes behind "--"/],
    ['a negative pid', ['--pid', '-1'], /-1/],
    ['a pattern that nobody matches', ['--name', 'no-such-agent-anywhere'], /No process is called/],
    ['a pattern and no pattern', ['--name', '--all'], /--name needs a value/],
    ['two targets', ['--pid', '1', '--', 'true'], /not several/],
    ['no command', ['--'], /no command behind/],
    ['a command without dashes', ['claude'], /a command goes behind "--"/],
    [
      'an unknown flag',
      ['--no-such-flag', '--', 'true'],
      /unknown option '--no-such-flag'; see agentgov monitor --help/,
    ],
    ['a duration that is none', ['--duration', 'soon', '--', 'true'], /--duration takes a number of seconds/],
    ['no duration', ['--duration', '--', 'true'], /argument missing/],
    ['an endless duration', ['--duration', '1e99', '--', 'true'], /--duration takes/],
    ['an output that is none', ['--output', 'xml', '--', 'true'], /--output takes one of jsonl, pretty/],
    ['a finding that is none', ['--fail-on', 'rain', '--', 'true'], /--fail-on takes one of block/],
    ['a tier that is none', ['--tier', 'best', '--', 'true'], /--tier takes one of/],
    ['an agent id that leaves its folder', ['--agent-id', '../x', '--', 'true'], /--agent-id takes up to 64/],
    ['a thread', ['--pid', aThread()], /is a thread of process \d+; say --pid \d+/],
    ['its own tree', ['--pid', String(process.pid)], /agentgov itself or one of its ancestors/],
  ])('%s', async (_name, words, message) => {
    const log = newLog();
    expectSentence(await run(install({}), 'monitor', '--output-file', log, ...words), 2, message);
    expect(existsSync(log)).toBe(false);
  });

  it('several that match are listed', async () => {
    const root = install({});
    const pids = [sleeper(), sleeper()];
    const { code, stderr } = await run(root, 'monitor', '--name', 'sleep');
    expect(code).toBe(2);
    for (const pid of pids) expect(stderr).toMatch(new RegExp(`^  ${pid}  /bin/sleep 60$`, 'm'));
  });

  it('a size of rings that is none', async () => {
    process.env.AGENTGOV_RING_BULK = '1000';
    onTestFinished(() => {
      delete process.env.AGENTGOV_RING_BULK;
    });
    expectSentence(await run(install({}), 'monitor', '--', 'true'), 2, /power of two/);
  });
});

describe('names that were made to be shown', () => {
  const name = 'a\n agentgov: all is well\n\u001b[31m\u009b5m\u202e.yaml';

  it('do not become lines of their own', async () => {
    expectSentence(await run(install({}), 'verify', name), 2, /a\\u\{a\} agentgov: all is well\\u\{a\}\\u\{1b\}/);
  });

  it('do not reach the terminal within JSON either', async () => {
    const root = install({});
    const file = join(root, name);
    writeFileSync(file, 'version: "1.0"\n');
    const { stdout } = await run(root, 'policy', 'check', '--json', file);
    expect(JSON.parse(stdout.toString())).toMatchObject({ file, ok: false });
    expect(stdout.toString()).toMatch(/^[ -~]+\n$/);
  });
});

describe('the words of enforce', () => {
  it.each<[string, string[], RegExp]>([
    ['quiet, and not for how long', ['--max-would-block', '3'], /needs --promote-after/],
    ['rules to be enforced that are', ['--mode', 'enforce', '--promote-after', '48h'], /for rules in audit mode/],
    ['a time without a unit', ['--promote-after', '48'], /--promote-after takes a time as/],
    ['less than none', ['--promote-after', '48h', '--max-would-block', '-1'], /--max-would-block takes a whole number/],
  ])('%s', async (_what, words, message) => {
    expectSentence(await run(install({}), 'enforce', 'policy.yaml', ...words, '--', 'true'), 2, message);
  });
});

describe('a target that goes away', () => {
  it('while it is attached to', async () => {
    const pid = sleeper();
    // The double looks for a process of its own pid namespace that has just been killed.
    const root = install({});
    const session = monitor(root, ['--pid', pid]);
    process.kill(Number(pid), 'SIGKILL');
    const { code, stderr } = await session.result;
    expect([0, 2], stderr).toContain(code);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});

describe('a log that cannot be written', () => {
  it.each<[string, () => string, RegExp]>([
    ['its folder is missing', () => `${newLog()}/audit.jsonl`, /its folder does not exist/],
    ['it is a folder', folder, /it is a folder/],
    ['its folder is on a read-only file system', () => '/proc/audit.jsonl', /cannot write the log/],
  ])('because %s', async (_name, path, message) => {
    const mark = newLog();
    const result = await run(install({}), 'monitor', '--output-file', path(), '--', 'touch', mark);
    expectSentence(result, 2, message);
    expect(existsSync(mark)).toBe(false);
  });

  function folder(): string {
    const path = newLog();
    mkdirSync(path);
    return path;
  }

  it('because it does not verify: the line is named, and nothing is added', async () => {
    const root = install({ bulk: 10 });
    const first = monitor(root, ['--', 'true']);
    await first.result;
    const forged = readFileSync(first.log, 'latin1').replace('"path": "/data/6"', '"path": "/data/0"');
    writeFileSync(first.log, forged);
    const mark = newLog();
    const second = await run(root, 'monitor', '--output-file', first.log, '--', 'touch', mark);
    expectSentence(second, 2, /does not verify at line 6 /);
    expect(readFileSync(first.log, 'latin1')).toBe(forged);
    expect(existsSync(mark)).toBe(false);
  });

  it('because another session writes it, which loses nothing by it', async () => {
    const root = install({ bulk: 10 });
    const first = monitor(root, ['--pid', sleeper()]);
    await first.seen('file_open');
    const mark = newLog();
    const second = await run(root, 'monitor', '--agent-id', 'other', '--output-file', first.log, '--', 'touch', mark);
    expectSentence(second, 2, /is being written by process/);
    expect(existsSync(mark)).toBe(false);
    first.child.kill('SIGTERM');
    expect((await first.result).code).toBe(0);
    await expectWhole(first);
  });
});

describe('what is missing', () => {
  const noPrivilege = 'Governing needs CAP_BPF and CAP_PERFMON, which this process lacks; run agentgov as root (sudo).';
  const noBtf = 'This kernel has no BTF (/sys/kernel/btf/vmlinux).';

  it.each<[string, Parameters<typeof install>[0], number, RegExp]>([
    ['a privilege', { refuse: noPrivilege }, 3, /CAP_BPF and CAP_PERFMON/],
    ['BTF', { refuse: noBtf }, 3, /no BTF/],
    ['the loader', undefined, 4, /The loader \S+ is missing; install agentgov again/],
    ['a loader of this version', { hello: { version: '9.9.9' } }, 4, /is version 9\.9\.9/],
    ['a loader that lives', { silent: true, dieAtOnce: true }, 4, /ended with code 4/],
    ['a loader that makes sense', { silent: true, garbage: 'x\n' }, 4, /not of its protocol/],
  ])('%s', async (_name, script, code, message) => {
    const [log, mark] = [newLog(), newLog()];
    const result = await run(install(script), 'monitor', '--output-file', log, '--', 'touch', mark);
    expectSentence(result, code, message);
    expect(existsSync(mark)).toBe(false);
    expect(existsSync(log)).toBe(false);
  });
});

describe('other commands', () => {
  it.each<[string, string[], number, RegExp]>([
    ['an unknown command', ['frob'], 2, /unknown command 'frob'; see agentgov --help/],
    ['an unknown flag', ['--frob'], 2, /unknown option '--frob'/],
    ['stop without an agent', ['stop'], 2, /missing required argument 'agent'/],
    ['stop of nobody', ['stop', 'no-such-agent'], 2, /No agent called "no-such-agent" is governed/],
    ['doctor for a tier that is none', ['doctor', '--require', 'x'], 2, /--require takes one of/],
  ])('%s', async (_name, words, code, message) => {
    expectSentence(await run(install({}), ...words), code, message);
  });

  it.each([['verify'], ['export', '--to', 'csv'], ['verify', '/dev/null', '--expect-count'], []])(
    'a hostile name is one line that drives no terminal: %s %s %s',
    async (...words) => {
      const ended = await run(install({}), ...words, 'a\u001b[31m\nagentgov: b\u202e');
      expect(ended.code).toBe(2);
      expect(ended.stderr.toString()).toMatch(/^agentgov: [ -~]*a\\u\{1b\}\[31m[ -~]*\n$/);
    },
  );

  it('no command at all shows the help, and is a mistake', async () => {
    const { code, stdout, stderr } = await run(install({}));
    expect([code, stdout.length]).toEqual([2, 0]);
    expect(stderr).toMatch(/^Usage: agentgov/);
  });

  it.each([[['--help']], [['monitor', '--help']], [['help', 'monitor']], [['--version']]])(
    '%j is an answer',
    async (words) => {
      const { code, stdout, stderr } = await run(install({}), ...words);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout.length).toBeGreaterThan(0);
    },
  );

  it('a reader that goes away is no failure', async () => {
    const root = install({});
    const child = spawn('/bin/sh', ['-c', `"${process.execPath}" "${root}/bin/agentgov" monitor --help | true`]);
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(said).toBe('');
  });
});

describe('a standard output that takes nothing', () => {
  // A finding is exit 1, and an intact log must not look like one.
  it('is one sentence, and no finding', async () => {
    const log = newLog();
    writeFileSync(log, '');
    const stdout = openSync('/dev/full', 'w');
    const ended = await finished(start(install({}), ['verify', log], stdout));
    closeSync(stdout);
    expectSentence(ended, 4, /standard output \(ENOSPC\)/);
  });
});
