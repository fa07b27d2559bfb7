// Recall against strace on real workloads: every exec, every path opened, made, moved or deleted, every destination.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { evidence } from '../evidence.js';
import { scaled } from '../scale.js';
import {
  lost,
  monitored,
  nothing,
  programSource,
  readTrace,
  recall,
  repo,
  run,
  scratch,
  straceCommand,
} from '../support/index.js';

const folder = scratch();

/** Runs a workload under strace under monitor, and compares the two witnesses. */
async function compare(name: string, command: string[], cwd: string): Promise<void> {
  const trace = join(folder, `${name}.strace`);
  const session = await monitored(straceCommand(trace, command), { cwd, timeout: 280_000 });
  expect(session.code, session.stderr).toBe(0);
  expect(lost(session.events)).toEqual({});
  const { difference, compared, failedOpens } = recall(readTrace(trace, cwd), session.events);
  const tier = session.events.find(({ event_type }) => event_type === 'session_start')?.tier ?? 'unknown';
  const failed = { done: failedOpens.done, in_the_log: failedOpens.done - failedOpens.missing.length };
  evidence('recall', { [`${name} in tier ${tier}`]: { ...compared, failed_opens: failed } });
  expect(difference).toEqual(nothing);
  // Nothing was compared with nothing.
  expect(Math.min(compared.execs, compared.opened)).toBeGreaterThan(3);
  // What an LSM hook never sees is seen by the tiers that read results from the system call.
  if (tier === 'observe') expect(failedOpens.missing).toEqual([]);
}

describe('recall is 100 %', () => {
  it('for npm install of a project with many dependencies', { timeout: 400_000 }, async () => {
    const project = join(folder, 'npm', 'project');
    mkdirSync(project, { recursive: true });
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      cpSync(join(repo, file), join(project, file), { force: true });
    const install = ['npm', 'install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts=false'];
    // The cache is warm where this checkout was set up; else it is warmed now, by an install that nobody watches.
    const warm = join(folder, 'npm', 'warm');
    cpSync(project, warm, { recursive: true });
    const offline = await run(install, { cwd: warm, timeout: 200_000 });
    if (offline.code !== 0) {
      const online = await run(['npm', 'ci', '--no-audit', '--no-fund'], { cwd: warm, timeout: 200_000 });
      expect(online.code, online.stderr).toBe(0);
    }
    await compare('npm-install', install, project);
    expect(readdirSync(join(project, 'node_modules')).length).toBeGreaterThan(50);
  });

  it('for git clone and git log of a local repository', { timeout: 120_000 }, async () => {
    const origin = join(folder, 'origin');
    const git = programSource('git-workload.sh');
    execFileSync('sh', [git, 'make', origin, String(scaled(100))]);
    const work = join(folder, 'git');
    mkdirSync(work);
    await compare('git', ['sh', git, 'work', origin], work);
    expect(readFileSync(join(work, 'log'), 'utf8')).toContain('commit 0');
  });

  it('for a Python script with subprocesses and sockets', { timeout: 120_000 }, async () => {
    const work = join(folder, 'python');
    mkdirSync(work);
    await compare('python', ['python3', programSource('workload.py'), work], work);
  });
});
