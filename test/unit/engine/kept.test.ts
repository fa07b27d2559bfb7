// Whether a policy outlives agentgov, and what is lost between two sessions: what agentgov makes of the loader's words.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { canary, scratch } from '../../support/index.js';
import { expectWhole, install, monitor, newLog, type Run } from './installed.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = scratch();
const targets: ChildProcess[] = [];
afterEach(() => {
  for (const child of targets.splice(0)) child.kill('SIGKILL');
});

const hello = { tier: 'lsm' };
const WHY = 'nothing can be pinned to /sys/fs/bpf/agentgov (Read-only file system)';

function enforce(script: Parameters<typeof install>[0], onExit = '', log = newLog()): Run {
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
  targets.push(child);
  const policy = join(folder, `${canary()}.yaml`);
  const rule = '{name: secrets, match: {path: ["/srv/secret"]}, action: BLOCK}';
  writeFileSync(policy, `version: "1.0"\nmode: enforce\n${onExit}policies:\n  - ${rule}\n`);
  return monitor(install({ hello, ...script }), ['--pid', String(child.pid)], { policy, log });
}

/** Until SIGTERM ends it. */
async function ended(run: Run): Promise<string> {
  await run.seen('policy_loaded');
  run.child.kill('SIGTERM');
  const { code, stderr } = await run.result;
  expect(code, stderr).toBe(0);
  return stderr;
}

it('says that the policy outlives agentgov, and how that ends', async () => {
  const run = enforce({});
  const goesOn = `The kernel goes on holding the policy over ${run.agentId}; agentgov detach ${run.agentId} ends that.`;
  expect(await ended(run)).toContain(goesOn);
  expect((await expectWhole(run)).notes).toHaveLength(1);
  const released = enforce({}, 'on_exit: release\n');
  expect(await ended(released)).not.toContain('goes on');
  expect((await expectWhole(released)).notes).toBeUndefined();
});

it('goes without where nothing can be pinned, and says so, unless the policy insists', async () => {
  const run = enforce({ refuseKeep: WHY });
  const stderr = await ended(run);
  expect(stderr).toContain(`agentgov: The policy ends with agentgov: ${WHY}.`);
  expect(stderr).not.toContain('goes on');
  expect(run.events()[0]?.notes).toContain(`The policy ends with agentgov: ${WHY}.`);

  const insisting = await enforce({ refuseKeep: WHY }, 'on_exit: keep\n').result;
  expect(insisting.code).toBe(3);
  expect(insisting.stderr).toContain(`The policy says on_exit: keep, but ${WHY}; or say on_exit: release.`);
});

it("refuses another agent's process", async () => {
  const text = 'The policy of another agent, other, is in force there already; agentgov detach other ends that.';
  const { code, stderr } = await enforce({ refuseGovern: { code: 'EEXIST', text } }).result;
  expect(code).toBe(2);
  expect(stderr).toContain(text);
});

it('counts the verdicts that the log does not have', async () => {
  const log = newLog();
  const event = (action: string) => ({
    event_type: 'file_open',
    access: 'read',
    action,
    path: '/a',
    syscall: 'openat',
  });
  const events = ['BLOCKED', 'WOULD_BLOCK', 'OBSERVED'].map(event);
  const raw = ['{"msg":"lost","class":"verdict","count":5,"reason":"ring_full"}'];
  const first = enforce({ events, raw }, '', log);
  await ended(first);
  const takenOver = { runs: 1, processes: 2, since_us: 1_700_000_000_000_000, verdicts: 20, others_since: 3 };
  const unattended = (run: Run) =>
    run.events().flatMap(({ reason, class: kind, count }) => (reason === 'unattended' ? [[kind, count]] : []));

  const next = enforce({ takenOver: { ...takenOver, engine: first.child.pid } }, '', log);
  await expect.poll(() => unattended(next), { timeout: 30_000, interval: 20 }).toHaveLength(2);
  await ended(next);
  expect(unattended(next)).toEqual([
    ['verdict', 20 - 2 - 5],
    [undefined, 3],
  ]);
  expect(
    next.events().find(({ pid, event_type }) => pid === next.child.pid && event_type === 'session_start')?.notes,
  ).toContain(
    'Taken over: 2 processes were held by the kernel alone, where nobody recorded since 2023-11-14T22:13:20.000Z.',
  );

  const elsewhere = enforce({ takenOver: { ...takenOver, engine: first.child.pid } });
  await expect.poll(() => unattended(elsewhere), { timeout: 30_000, interval: 20 }).toHaveLength(2);
  await ended(elsewhere);
  expect(unattended(elsewhere)[0]).toEqual(['verdict', 20]);
});
