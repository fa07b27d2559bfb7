// Tasks that push each other off one CPU while the kernel decides about a file far down: none of them ever reads it, or
// runs it, whether it is a program, a script, or a script that another one names as its interpreter. In tier hook a
// preemptible kernel skips the programs that decide (docs/kernels.md); who gets past all of them is killed, and both are
// told.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const needs = ['c:preemption'];
export const variants = ['lsm', 'lsm-full', 'hook', 'hook-full'];
export const per = 'turn';
export const timeout = 600;
export const evidence = 'preemption';

const DEPTH = 400;

const PROGRAM = '/usr/local/bin/preemption';

export default async function ({ assert, canary, figure, file, monitor, scaled, tier, work }) {
  const folder = join(work, 'deep', ...Array(DEPTH).fill('d'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'secret'), canary());
  copyFileSync(PROGRAM, join(folder, 'program'));
  writeFileSync(join(folder, 'script'), `#!${PROGRAM}\n`, { mode: 0o755 });
  const chain = file('chain', '#!script\n', 0o755);
  const enforce = file(
    'policy.yaml',
    'version: "1.0"\nmode: enforce\npolicies:\n' +
      `  - {name: deep, match: {path: ["${work}/deep/**"], access: [read, exec]}, action: BLOCK}\n`,
  );

  /** Tries one after the other; `type`: of the event of a refusal, `rule`: of that of a task that was killed. */
  async function attack(how, names, { name, type, rule }) {
    const each = names.map((what) => `preemption ${folder} ${scaled(10)} ${how} ${what}`);
    const { code, stdout, stderr, log } = await monitor(['sh', '-ec', each.join('\n')], { enforce });
    assert.equal(code, 0, stderr);
    const lines = stdout.trim().split('\n');
    assert.equal(lines.length, names.length);
    const total = (column) => lines.reduce((all, line) => all + Number(line.split(' ')[column]), 0);
    const [refused, passed, killed, odd] = [0, 1, 2, 3].map(total);
    const sum = (wanted) => log.find('events_lost', wanted).reduce((all, { count }) => all + count, 0);
    const gaps = (reason) => log.find('enforcement_gap', { reason });
    const skipped = gaps('recursion').reduce((all, { count }) => all + count, 0);
    for (const [key, count] of Object.entries({ refused, passed, killed, skipped })) figure(`${name}${key}`, count);
    assert.equal(odd, 0, `${how}: tries that failed otherwise, or tasks that ended otherwise`);
    assert.ok(refused > 0);
    if (tier === 'lsm') assert.deepEqual({ passed, killed, skipped }, { passed: 0, killed: 0, skipped: 0 });
    // What no copy was asked about is found when it ends: the task is killed, and that is told.
    assert.equal(passed, 0, `${how}: bytes that were read, or programs that ran`);
    assert.ok(killed <= skipped, `${killed} tasks were killed of ${skipped} skipped`);
    assert.equal(gaps('killed').length + sum({ class: 'security' }), killed);
    assert.deepEqual([...new Set(gaps('killed').map(({ policy_rule }) => policy_rule))], killed > 0 ? [rule] : []);
    // A refusal has an event, or is counted: the tasks make them faster than they can be written.
    const told = log.find(type, { action: 'BLOCKED', policy_rule: 'deep' }).length;
    assert.equal(told + sum({ class: 'verdict' }), refused);
  }
  await attack('read', ['secret'], { name: '', type: 'file_open', rule: 'deep' });
  // Who acts is no longer known when a program begins, so no rule is.
  await attack('run', ['program', 'script', chain], { name: 'run_', type: 'process_exec', rule: undefined });
}
