// verify --state: what a verifier that comes back sees.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import chalk from 'chalk';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { verifyCommand } from '../../../src/commands/verify.js';
import { chain, event, folder, hashOf, joined, logFile, makeLines, sealed } from './logs.js';

chalk.level = 0;
afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

async function verify(...args: string[]): Promise<{ code: unknown; result: Record<string, unknown> }> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  process.exitCode = undefined;
  await verifyCommand().parseAsync(['node', 'verify', '--json', ...args]);
  return { code: process.exitCode, result: JSON.parse(out) as Record<string, unknown> };
}

const lines = makeLines(30);
const at = (index: number): string => lines[index] ?? '';

describe('verify --state', () => {
  it('remembers the end of a log and lets it grow', async () => {
    const [path, state] = [logFile(lines.slice(0, 10)), join(folder(), 'state')];
    expect(await verify('--state', state, path)).toMatchObject({ code: 0, result: { checks: { state: 'absent' } } });
    expect(JSON.parse(readFileSync(state, 'utf8'))).toMatchObject({
      logs: { [path]: { count: 10, hash: hashOf(at(9)) } },
    });
    expect(statSync(state).mode & 0o777).toBe(0o600);
    for (const count of [10, 20]) {
      writeFileSync(path, joined(lines.slice(0, count)));
      expect(await verify('--state', state, path)).toMatchObject({ code: 0, result: { checks: { state: 'ok' } } });
    }
    expect(readFileSync(state, 'utf8')).toContain('"count": 20');
  });

  const attacks: Array<[string, string[] | undefined, string, number | null]> = [
    ['tail cut at a line end', lines.slice(0, 20), 'truncated', null],
    ['last line replaced', [...lines.slice(0, 29), sealed(event(77), 30, hashOf(at(28)))], 'tampered', 30],
    ['whole rewrite, longer', chain(Array.from({ length: 40 }, (_, index) => event(index + 500))), 'tampered', 30],
    [
      'prefix cut and renumbered',
      chain(Array.from({ length: 20 }, (_, index) => event(index + 10))),
      'truncated',
      null,
    ],
    [
      'fork',
      [
        ...lines.slice(0, 25),
        ...chain(
          lines.map((_, i) => event(i)),
          26,
          hashOf(at(24)),
        ),
      ],
      'tampered',
      30,
    ],
    ['wiped', [], 'truncated', null],
    ['removed', undefined, 'truncated', null],
  ];
  it.each(attacks)('finds: %s', async (_, content, verdict, line) => {
    const [path, state] = [logFile(lines), join(folder(), 'state')];
    await verify('--state', state, path);
    const before = readFileSync(state, 'utf8');
    if (content === undefined) rmSync(path);
    else writeFileSync(path, joined(content));
    const expected = { verdict, first_bad_line: line, checks: { chain: 'ok', state: 'failed' } };
    // Again and again: what was found wrong is not remembered.
    for (let round = 0; round < 2; round += 1) {
      expect(await verify('--state', state, path)).toMatchObject({ code: 1, result: expected });
      expect(readFileSync(state, 'utf8')).toBe(before);
    }
    if (content !== undefined) expect((await verify(path)).code).toBe(0);
  });

  it('does not remember a log that is not in order', async () => {
    const state = join(folder(), 'state');
    await verify('--state', state, logFile(lines.with(3, 'x')));
    expect(JSON.parse(readFileSync(state, 'utf8'))).toMatchObject({ logs: {} });
  });

  it.each(['', '{}', '{"format": "agentgov-verify-state-1", "logs": {"/a": {"count": -1.5}}}', 'null'])(
    'refuses a file that is no state: %j',
    async (content) => {
      const state = join(folder(), 'state');
      writeFileSync(state, content);
      await expect(verify('--state', state, logFile(lines))).rejects.toMatchObject({ exitCode: 2 });
      expect(readFileSync(state, 'utf8')).toBe(content);
    },
  );

  it('says so when it cannot be kept', async () => {
    const state = join(folder(), 'absent', 'state');
    await expect(verify('--state', state, logFile(lines))).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('cannot write the state'),
    });
    expect(existsSync(state)).toBe(false);
  });
});
