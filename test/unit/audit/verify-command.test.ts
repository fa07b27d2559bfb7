import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import chalk from 'chalk';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { verifyFile } from '../../../src/audit/index.js';
import { verifyCommand } from '../../../src/commands/verify.js';
import { chain, event, folder, hashOf, joined, logFile, makeLines } from './logs.js';

chalk.level = 0;

interface Run {
  stdout: string;
  stderr: string;
  code: unknown;
  error: unknown;
}

async function run(...args: string[]): Promise<Run> {
  const out: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      out[name] += String(chunk);
      return true;
    }),
  );
  process.exitCode = undefined;
  const error = await verifyCommand()
    .parseAsync(['node', 'verify', ...args])
    .then(
      () => undefined,
      (caught: unknown) => caught,
    );
  for (const spy of spies) spy.mockRestore();
  return { ...out, code: process.exitCode, error };
}

afterEach(() => {
  // The test run has an exit code of its own.
  process.exitCode = undefined;
});

describe('agentgov verify', () => {
  const lines = makeLines(12);
  const last = hashOf(lines[11] ?? '');
  const tampered = lines.with(4, (lines[4] ?? '').replace('docs', 'dogs'));

  it('says one line for a log and exits 0', async () => {
    const path = logFile(lines);
    expect(await run(path)).toEqual({
      stdout: `${path}: intact: 12 events; last hash ${last}; nothing beside it says where it ends\n`,
      stderr: '',
      code: 0,
      error: undefined,
    });
    expect(await run(logFile(''))).toMatchObject({ stdout: expect.stringContaining(': empty: 0 events\n'), code: 0 });
  });

  it('says what is wrong and exits 1', async () => {
    const path = logFile(tampered);
    expect(await run(path)).toMatchObject({
      stdout: `${path}: tampered: line 5: hash_self does not match the event; 4 events before that hold\n`,
      code: 1,
    });
    expect(await run(logFile(joined(lines).slice(0, -5)))).toMatchObject({
      stdout: expect.stringMatching(/: truncated: line 12: /),
      code: 1,
    });
  });

  it('prints the verdict as one JSON document, all keys and no others', async () => {
    for (const content of [lines, tampered]) {
      const path = logFile(content);
      const { findings: _, ...verdict } = await verifyFile(path);
      const { stdout, code } = await run('--json', path);
      expect(JSON.parse(stdout)).toEqual(verdict);
      expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
      expect(code).toBe(verdict.verdict === 'intact' ? 0 : 1);
    }
  });

  it('judges several logs, each on its own, with the worst code', async () => {
    const [good, bad, absent] = [logFile(lines), logFile(tampered), join(folder(), 'absent.jsonl')];
    expect(await run(good, good)).toMatchObject({ code: 0 });
    expect(await run(good, bad)).toMatchObject({ code: 1 });
    const all = await run(good, absent, bad);
    expect(all).toMatchObject({ code: 2, error: undefined, stderr: expect.stringContaining(`cannot read ${absent}`) });
    expect(all.stdout.split('\n').map((line) => line.split(': ')[1])).toEqual(['intact', 'tampered', undefined]);
    const json = await run('--json', good, absent, bad);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({
      logs: [
        { file: good, verdict: 'intact' },
        { file: absent, error: expect.stringContaining('ENOENT') },
        { file: bad, verdict: 'tampered', first_bad_line: 5 },
      ],
    });
  });

  it('fails as a whole when the only log cannot be read', async () => {
    const { error, stdout } = await run('--json', join(folder(), 'absent.jsonl'));
    expect(error).toMatchObject({ exitCode: 2 });
    expect(stdout).toBe('');
  });

  it('holds the end against what is expected of it', async () => {
    const path = logFile(lines);
    expect(await run(path, '--expect-count', '12', '--expect-hash', last.toUpperCase())).toMatchObject({ code: 0 });
    expect(await run(path, '--expect-count', '13')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('truncated'),
    });
    expect(await run(path, '--expect-hash', '0'.repeat(64))).toMatchObject({ code: 1 });
  });

  it('judges by the hashes alone with --compat', async () => {
    const path = logFile(joined(lines).replaceAll(': ', ':'));
    expect(await run(path)).toMatchObject({ code: 1, stdout: expect.stringContaining('use --compat; ') });
    const spaced = logFile(joined(lines).replaceAll('{"action"', '{ "action"'));
    expect(await run(spaced, '--compat')).toMatchObject({ code: 0 });
  });

  it('exits 1 on a finding that --fail-on names', async () => {
    const path = logFile(
      chain([
        { ...event(1), action: 'WOULD_BLOCK' },
        { event_type: 'events_lost', action: 'OBSERVED', count: 5 },
      ]),
    );
    const plain = await run(path);
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringContaining('it says that 5 events were lost') });
    expect(await run(path, '--fail-on', 'block', '--fail-on', 'hold')).toMatchObject({ code: 0 });
    const failing = await run(path, '--fail-on', 'loss', '--fail-on', 'would-block');
    expect(failing).toMatchObject({ code: 1, stdout: expect.stringContaining('fails on would-block (1), loss (1)\n') });
    const json = await run('--json', path, '--fail-on', 'loss', '--fail-on', 'blind');
    expect(JSON.parse(json.stdout)).toMatchObject({ verdict: 'intact', events_lost: 5, failed_on: ['loss'] });
    expect(json.code).toBe(1);
  });

  it('counts TLS that was not read as what could not be seen', async () => {
    const covered = (coverage: string, pid: number) => ({
      event_type: 'tls_coverage',
      action: 'OBSERVED',
      coverage,
      pid,
    });
    const read = [1, 2, 3].map((pid) => covered('read', pid));
    expect(await run(logFile(chain(read)), '--fail-on', 'blind')).toMatchObject({ code: 0 });
    const log = logFile(chain([...read, covered('blind', 4), covered('partial', 5), covered('read', 6)]));
    expect(await run(log, '--fail-on', 'blind')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('fails on blind (2)\n'),
    });
  });

  it.each([
    [['--expect-count', 'x', 'a']],
    [['--expect-count', '-1', 'a']],
    [['--expect-count', '1.5', 'a']],
    [['--expect-hash', 'abc', 'a']],
    [['--fail-on', 'everything', 'a']],
    [['--expect-count', '1', 'a', 'b']],
    [['--expect-hash', '0'.repeat(64), 'a', 'b']],
  ])('refuses %j with exit 2', async (args) => {
    expect((await run(...args)).error).toMatchObject({ exitCode: 2 });
  });

  it('escapes a hostile file name', async () => {
    const path = join(folder(), 'a\u001b[31m\u202e.jsonl');
    writeFileSync(path, joined(lines));
    const { stdout } = await run(path);
    expect(stdout).toMatch(/intact/);
    expect(stdout).not.toMatch(/\u202e/);
    expect(stdout.includes('\u001b[31m\u202e')).toBe(false);
    expect(stdout.includes('a\u001b')).toBe(false);
  });

  it('shows progress on a terminal only', async () => {
    const path = join(folder(), 'long.jsonl');
    writeFileSync(path, joined(makeLines(20_000)));
    const was = process.stderr.isTTY;
    onTestFinished(() => void Object.assign(process.stderr, { isTTY: was }));
    let now = 0;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => (now += 1000));
    onTestFinished(() => clock.mockRestore());
    process.stderr.isTTY = true;
    const { stderr } = await run(path);
    expect(stderr).toMatch(/long\.jsonl: \d+ %, \d+ s left/);
    expect(stderr.endsWith('\r\u001b[K')).toBe(true);
    process.stderr.isTTY = false;
    expect((await run(path)).stderr).toBe('');
  });
});
