// Tasks that push each other off one CPU while the kernel decides about a file far down: none of them ever gets it. In tier
// hook a preemptible kernel skips the programs that decide (docs/kernels.md); who gets past all of them is killed, and both
// are told.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const needs = ['c:preemption'];
export const variants = ['lsm', 'lsm-full', 'hook', 'hook-full'];
export const per = 'turn';
export const timeout = 300;
export const evidence = 'preemption';

const DEPTH = 400;

export default async function ({ assert, canary, figure, file, monitor, scaled, tier, work }) {
  const folder = join(work, 'deep', ...Array(DEPTH).fill('d'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'secret'), canary());
  const enforce = file(
    'policy.yaml',
    'version: "1.0"\nmode: enforce\npolicies:\n' +
      `  - {name: deep, match: {path: ["${work}/deep/**"], access: [read]}, action: BLOCK}\n`,
  );
  const { code, stdout, stderr, log } = await monitor(['preemption', folder, String(scaled(10))], { enforce });
  assert.equal(code, 0, stderr);
  const [refused, passed, killed, odd] = stdout.trim().split(' ').map(Number);
  const sum = (wanted) => log.find('events_lost', wanted).reduce((all, { count }) => all + count, 0);
  const gaps = (reason) => log.find('enforcement_gap', { reason });
  const skipped = gaps('recursion').reduce((all, { count }) => all + count, 0);
  for (const [name, count] of Object.entries({ refused, passed, killed, skipped })) figure(name, count);
  assert.equal(odd, 0, 'opens that failed otherwise, or tasks that ended otherwise');
  assert.ok(refused > 0);
  if (tier === 'lsm') assert.deepEqual({ passed, killed, skipped }, { passed: 0, killed: 0, skipped: 0 });
  // What no copy was asked about is found when it ends: the task is killed, and that is told.
  assert.equal(passed, 0, 'forbidden opens whose bytes were read');
  assert.ok(killed <= skipped, `${killed} tasks were killed of ${skipped} skipped`);
  assert.equal(gaps('killed').length + sum({ class: 'security' }), killed);
  assert.deepEqual([...new Set(gaps('killed').map(({ policy_rule }) => policy_rule))], killed > 0 ? ['deep'] : []);
  // A refusal has an event, or is counted: the tasks make them faster than they can be written.
  const told = log.find('file_open', { action: 'BLOCKED', policy_rule: 'deep' }).length;
  assert.equal(told + sum({ class: 'verdict' }), refused);
}
