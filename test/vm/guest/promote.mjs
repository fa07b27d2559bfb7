// Rules that go from audit to enforce by themselves: what was WOULD_BLOCK is BLOCKED from some call on, in the next session too;
// a noisy rule, one over sensitive paths and one that was edited stay in audit.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './lib/control.mjs';

export const variants = ['lsm'];
export const per = 'turn';
export const timeout = 300;

const NOISE = 5;

export default async function ({ assert, canary, file, monitor, work }) {
  const quiet = file('quiet', canary());
  const changed = file('changed', canary());
  const noisy = file('noisy', canary());
  const stop = join(work, 'stop');
  const rule = (name, path) => `  - {name: ${name}, match: {path: ["${path}"]}, action: BLOCK}\n`;
  const policy = (name, ...rules) => file(name, `version: "1.0"\nmode: audit\npolicies:\n${rules.join('')}`);
  const rules = [
    rule('quiet', quiet),
    rule('changed', changed),
    rule('noisy', noisy),
    rule('keys', '/root/.ssh/id_ed25519'),
  ];
  const args = (after) => ['--agent-id', 'promote', '--promote-after', after, '--max-would-block', '2'];
  const begin = (name, command, of, after) =>
    monitor(['sh', '-c', command], { enforce: policy(name, ...of), args: args(after) });
  const tries = `cat ${quiet} ${changed}; for n in $(seq ${NOISE}); do cat ${noisy}; done`;
  const verdicts = (log, name) => log.events.filter((e) => e.policy_rule === name && e.path).map((e) => e.action);

  // The counts go on over sessions, so that no rule is due before it was against something.
  const first = await begin('first', tries, rules, '48h');
  assert.deepEqual(verdicts(first.log, 'quiet'), ['WOULD_BLOCK'], first.stderr);
  assert.deepEqual(verdicts(first.log, 'noisy'), Array(NOISE).fill('WOULD_BLOCK'));
  const run = begin('second', `until [ -e ${stop} ]; do sleep 0.1; done; ${tries}`, rules, '1s');
  const watch = async () => {
    const { ask, close } = await control('/run/agentgov/promote.sock');
    const of = async (name) => (await ask({ op: 'status' })).rules.find((one) => one.rule === name);
    const [before, keys] = [await of('noisy'), await of('keys')];
    for (const name of ['quiet', 'changed']) while ((await of(name)).mode !== 'enforce') await sleep(100);
    const after = await of('noisy');
    close();
    return { before, keys, after };
  };
  const seen = await watch().then(
    (value) => value,
    (error) => error,
  );
  writeFileSync(stop, '');
  const { stderr, log } = await run;
  if (seen instanceof Error) throw seen;
  assert.equal(seen.before.mode, 'audit');
  assert.match(seen.keys.waits, /over sensitive paths \(secrets\)/);
  assert.equal(seen.after.mode, 'audit');
  assert.match(seen.after.waits, /it had 5 would-blocks \(at most 2\)/);
  assert.deepEqual(verdicts(log, 'quiet'), ['BLOCKED'], stderr);
  assert.deepEqual(verdicts(log, 'noisy'), Array(NOISE).fill('WOULD_BLOCK'));
  const move = log.one('mode_changed', { policy_rule: 'quiet', mode: 'enforce', would_blocks: 1, audit_hours: 0 });
  assert.match(
    move.reason,
    /^it proved quiet: \d+ s in audit mode \(1 s asked for\) with 1 would-blocks \(at most 2\)$/,
  );
  assert.deepEqual(
    log
      .of('mode_changed')
      .map((event) => event.policy_rule)
      .filter((name) => ['noisy', 'keys'].includes(name)),
    [],
  );
  const [end] = log.of('session_end');
  assert.deepEqual(end.rule_counts, [`audit ${2 * NOISE} 0 noisy`, 'enforce 0 1 quiet', 'enforce 0 1 changed']);

  // The same, but for one rule that was edited: that begins anew.
  const edited = rule('changed', `${changed}", "${work}/other`);
  const again = await monitor(['sh', '-c', tries], {
    enforce: policy('second', rules[0], edited, rules[2]),
    args: args('48h'),
  });
  assert.deepEqual(verdicts(again.log, 'quiet'), ['BLOCKED'], again.stderr);
  assert.deepEqual(verdicts(again.log, 'changed'), ['WOULD_BLOCK'], again.stderr);
  assert.equal(new Set(verdicts(again.log, 'noisy')).has('BLOCKED'), false);
}
