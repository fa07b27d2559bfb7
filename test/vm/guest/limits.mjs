// Rules with `max`: no more than that gets through, however many processes try at once; it begins again when the window has
// passed; one operation is one, whatever the kernel asks about it, as for replay; and a policy that changes forgets nothing
// of a rule that does not.

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './lib/control.mjs';

export const needs = ['c:limits', 'dash'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 500;

/** What tier hook was not asked about on a preemptible kernel, which may be let through; or what is missing in the log. */
const lost = (log, skipped) =>
  log
    .of(skipped ? 'enforcement_gap' : 'events_lost')
    .filter(({ reason }) => (reason === 'recursion') === skipped)
    .reduce((sum, { count }) => sum + count, 0);

export default async function ({ agentgov, assert, canary, figure, file, monitor, scaled, work }) {
  const key = file('key', `${canary()}\n`);
  const policy = (rules, mode = 'enforce') => `version: "1.0"\nmode: ${mode}\npolicies:\n${rules.join('')}`;
  const rule = (name, max) =>
    `  - {name: ${name}, match: {path: ["${key}"], access: [read]}, action: ALLOW, max: ${max}}\n`;

  // Exactly so many, of all who try at once; also where they are more than are remembered one by one.
  for (const [max, processes, opens] of [
    [40, 16, scaled(500)],
    [1500, 8, 200],
  ]) {
    const { code, stdout, stderr, log } = await monitor(
      ['limits', 'hammer', processes, opens, 1_000_000, key].map(String),
      { enforce: file('exact.yaml', policy([rule('few', `${max}/hour`)])) },
    );
    assert.equal(code, 0, stderr);
    const [passed, odd] = stdout.trim().split(' ').map(Number);
    assert.equal(odd, 0, 'opens that failed otherwise');
    const skipped = lost(log, true);
    assert.ok(
      passed >= max && passed <= max + skipped,
      `${passed} of ${max}, and ${skipped} that no program was asked about`,
    );
    const blocked = log.find('file_open', { action: 'BLOCKED', path: key, policy_rule: 'few', reason: 'max_exceeded' });
    assert.equal(blocked.length + lost(log, false), processes * opens - passed);
    log.none('file_open', { action: 'BLOCKED', path: key, reason: undefined });
  }

  // Again and again, and never more in any window.
  const again = await monitor(['limits', 'hammer', '3', '1000000', '25', key], {
    enforce: file('again.yaml', policy([rule('second', '10/second')])),
  });
  const [passed, odd, ms] = again.stdout.trim().split(' ').map(Number);
  assert.equal(odd, 0);
  assert.ok(passed >= 25, `${passed} in ${ms} ms`);
  assert.ok(passed <= 10 * (Math.floor(ms / 1000) + 1) + lost(again.log, true), `${passed} in ${ms} ms`);
  figure('of 10/second', { passed, ms });

  // One operation each, for the kernel as for replay.
  const [read, made] = ['read', 'made'].map((name) => join(work, name));
  for (const folder of [read, made]) mkdirSync(folder);
  for (let i = 0; i < 9; i++) writeFileSync(join(read, `f${i}`), 'x\n');
  const script = file('script', '#!/usr/bin/dash\n', 0o755);
  const watched = file(
    'audit.yaml',
    policy(
      [
        `  - {name: read, match: {path_prefix: ["${read}"], access: [read, write]}, action: ALLOW, max: 4/hour}\n`,
        `  - {name: make, match: {path_prefix: ["${made}"], access: [create, write]}, action: ALLOW, max: 5/hour}\n`,
        `  - {name: run, match: {path: ["${script}", "/usr/bin/dash"], access: [exec]}, action: ALLOW, max: 3/hour}\n`,
      ],
      'audit',
    ),
  );
  const lines = [
    ...Array.from({ length: 9 }, (_, i) => `read x <> ${read}/f${i}`),
    ...Array.from({ length: 7 }, (_, i) => `echo x > ${made}/f${i}`),
    ...Array.from({ length: 5 }, () => script),
  ];
  const audited = await monitor(['dash', file('all.sh', `${lines.join('\n')}\nexit 0\n`)], { enforce: watched });
  assert.equal(audited.code, 0, audited.stderr);
  const told = audited.log.events.filter(({ action }) => action === 'WOULD_BLOCK');
  assert.ok(told.every(({ reason }) => reason === 'max_exceeded'));
  const spelled = (object, name) => `${object} ${name}`;
  // One exec is dash's own.
  const wanted = [
    ...[4, 5, 6, 7, 8].map((i) => spelled(`${read}/f${i}`, 'read')),
    ...[5, 6].map((i) => spelled(`${made}/f${i}`, 'make')),
    ...Array(3).fill(spelled(script, 'run')),
  ].sort();
  assert.deepEqual(told.map(({ path, policy_rule: name }) => spelled(path, name)).sort(), wanted);
  const { findings } = JSON.parse((await agentgov(['replay', '--report', 'json', watched, audited.file])).stdout);
  const counts = (names) =>
    Object.fromEntries(names.map((name) => [name, wanted.filter((w) => w.endsWith(name)).length]));
  const operations = (name) =>
    findings.filter(({ rule: of }) => of === name).reduce((sum, finding) => sum + finding.operations, 0);
  assert.deepEqual(
    Object.fromEntries(['read', 'make', 'run'].map((name) => [name, operations(name)])),
    counts(['read', 'make', 'run']),
  );

  // A rule that stays the same goes on counting under the next policy; one that was edited begins anew.
  const changing = file('changing.yaml', policy([rule('few', '5/hour')]));
  const go = join(work, 'go');
  mkdirSync(go);
  const session = monitor(['limits', 'steps', '5', go, key], { enforce: changing, args: ['--agent-id', 'limits'] });
  const other = `  - {name: other, match: {path: ["/nothing"]}, action: BLOCK}\n`;
  const turns = [undefined, [other, rule('few', '5/hour')], [rule('few', '6/hour')], 'audit', 'enforce'];
  const change = async () => {
    const { ask, close } = await control('/run/agentgov/limits.sock');
    for (const [at, turn] of turns.entries()) {
      if (Array.isArray(turn)) {
        writeFileSync(`${changing}.new`, policy(turn));
        renameSync(`${changing}.new`, changing);
      }
      const reply =
        turn === undefined
          ? { ok: true }
          : await ask(typeof turn === 'string' ? { op: 'mode', mode: turn } : { op: 'reload' });
      assert.equal(reply.ok, true, reply.text);
      writeFileSync(join(go, String(at + 1)), '');
      while (!existsSync(join(go, `${at + 1}-done`))) await sleep(20);
    }
    close();
  };
  const changed = await change().then(
    () => undefined,
    (error) => error,
  );
  for (let step = 1; step <= turns.length; step++) writeFileSync(join(go, String(step)), '');
  const ended = await session;
  if (changed) throw changed;
  // 4 of 5; the fifth; anew, 4 of 6; in mode audit all of them, and two were the last that count; none.
  assert.deepEqual(ended.stdout.trim().split('\n').map(Number), [4, 1, 4, 4, 0], ended.stderr);
}
