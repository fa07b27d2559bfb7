// agentgov learn on a live tree: the profile is what the log says, however the sessions ended.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadProfile, profileText } from '../../src/profile/index.js';
import { repo } from '../support/repo.js';
import { canary } from '../support/scratch.js';

const AGENTGOV = join(repo, 'bin', 'agentgov');
let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentgov-learn-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<{ code: number; stderr: string; stdout: string }> =>
  new Promise((done) => {
    const child = execFile(AGENTGOV, args, (_, stdout, stderr) => done({ code: child.exitCode ?? -1, stdout, stderr }));
  });

it('grows one profile over runs and a crash, and it is the one that the log gives', { timeout: 60_000 }, async () => {
  const names = [canary(), canary(), canary()].map((name) => join(folder, name));
  for (const name of names) writeFileSync(name, '');
  const [log, profile, again] = ['audit.jsonl', 'profile.json', 'again.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const learn = (...words: string[]): string[] => [
    'learn',
    '--agent-id',
    'learned',
    '--output-file',
    log,
    '--minutes',
    '5',
    ...words,
  ];

  const first = await run(...learn('--', 'cat', names[0] as string));
  expect(first).toMatchObject({ code: 0, stdout: '' });
  const knows = (name: string): boolean => readFileSync(profile, 'utf8').includes(name);
  expect(knows(names[0] as string)).toBe(true);

  // Killed between two savings: the log has it, the profile has not.
  const script = `cat ${names[1]}; exec sleep 60`;
  const crashed = spawn(AGENTGOV, learn('--', 'sh', '-c', script), { stdio: 'ignore' });
  children.push(crashed);
  while (!(existsSync(log) && readFileSync(log, 'utf8').includes(`"path": "${names[1]}"`))) await sleep(50);
  const ended = once(crashed, 'close');
  crashed.kill('SIGKILL');
  await ended;
  expect(knows(names[1] as string)).toBe(false);

  expect(await run(...learn('--', 'sh', '-c', `cat ${names[2]}; exit 7`))).toMatchObject({ code: 7 });
  // Where the crash tore the log's last line, the start that moves it aside comes before the one that learns it.
  expect(await run(...learn('--', 'true'))).toMatchObject({ code: 0 });
  for (const name of names) expect(knows(name)).toBe(true);

  expect(await run('learn', '--from', log, '--profile', again)).toMatchObject({ code: 0 });
  const learned = await loadProfile(again);
  // What the agent did after the crash nobody saw.
  expect([...learned.sessions.values()].map(({ ended }) => ended)).toEqual([true, false, true, true]);
  expect(profileText(learned)).toBe(readFileSync(profile, 'utf8'));
});

it('has a window over all sessions, and says when it is full', { timeout: 60_000 }, async () => {
  const log = join(folder, 'audit.jsonl');
  const learn = (...command: string[]): string[] => [
    ...['learn', '--agent-id', 'learned', '--output-file', log, '--minutes', '0.05'],
    ...['--', ...command],
  ];
  expect(await run(...learn('sleep', '4'))).toMatchObject({ code: 0 });
  const full = await run(...learn('true'));
  expect(full).toMatchObject({ code: 0, stderr: expect.stringContaining('is full') });
});

it('refuses what excludes each other', async () => {
  const refused = async (...words: string[]): Promise<string> => {
    const { code, stderr } = await run('learn', ...words);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused()).toMatch(/Say whom to govern/);
  expect(await refused('--from', 'a.jsonl', '--hours', '2')).toMatch(/leave out the live target/);
  expect(await refused('--unverified', '--', 'true')).toMatch(/belong to --from/);
  expect(await refused('--hours', 'many', '--', 'true')).toMatch(/--hours takes a number above 0/);
});
