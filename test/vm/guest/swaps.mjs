// Policies and modes that change under a running agent: what both policies forbid is open at no moment, what only one
// forbids follows, agentgov's own files stay closed, a policy that does not load changes nothing, and each verdict is told with
// the rule of its policy.

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './lib/control.mjs';

export const needs = ['c:swaps'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 300;

const PAUSE_MS = 50;

export default async function ({ assert, canary, file, figure, monitor, scaled, work }) {
  const swaps = scaled(80); // an even number
  const secret = file('secret', `${canary()}\n`);
  const only = file('only', 'text\n');
  const stop = join(work, 'stop');
  const place = join(work, 'policy.yaml');
  const write = (text) => {
    writeFileSync(`${place}.new`, text);
    renameSync(`${place}.new`, place);
  };
  const rule = (name, path, errno) =>
    `  - {name: ${name}, match: {path: ["${path}"]}, action: BLOCK, errno: ${errno}}\n`;
  const policy = (...rules) => `version: "1.0"\nmode: enforce\npolicies:\n${rules.join('')}`;
  const first = policy(rule('only_first', only, 'EACCES'), rule('first', secret, 'EPERM'));
  const second = policy(rule('second', secret, 'EPERM'), rule('elsewhere', `${work}/nothing`, 'EACCES'));
  write(first);

  const run = monitor(['swaps', secret, only, stop, place], { enforce: place, args: ['--agent-id', 'swaps'] });
  const change = async () => {
    const { ask, close, pid } = await control('/run/agentgov/swaps.sock');
    const shas = [(await ask({ op: 'status' })).policy_sha256];
    for (let swap = 1; swap <= swaps; swap++) {
      write(swap % 2 ? second : first);
      const reply = await ask({ op: 'reload' });
      assert.equal(reply.ok, true, reply.text);
      shas.push(reply.policy_sha256);
      await sleep(PAUSE_MS);
    }
    assert.equal(new Set(shas).size, 2);
    const before = await ask({ op: 'status' });
    assert.equal(before.policy_sha256, shas[0]);
    const broken = {
      'policies: [': /yaml:\d+:\d+/,
      [policy(rule('first', secret, 'EWHAT'))]: /EWHAT|errno/,
      [policy('  - {name: later, match: {event: [mount], path: ["/a"]}, action: BLOCK}\n')]: /"later".*--accept later/,
    };
    for (const [text, sentence] of Object.entries(broken)) {
      write(text);
      const reply = await ask({ op: 'reload' });
      assert.equal(reply.ok, false);
      assert.match(reply.text, sentence);
      const after = await ask({ op: 'status' });
      assert.equal(after.policy_sha256, before.policy_sha256);
      assert.match(after.notes.join(), /The last reload changed nothing/);
      await sleep(PAUSE_MS);
    }
    assert.equal((await ask({ op: 'mode', mode: 'audit', rule: 'nobody' })).ok, false);
    assert.equal((await ask({ op: 'mode', mode: 'audit', rule: 'self_protection.policy' })).ok, false);
    assert.equal((await ask({ op: 'mode', mode: 'audit', rule: 'only_first' })).ok, true);
    await sleep(PAUSE_MS);
    assert.match((await ask({ op: 'status' })).notes.join(), /only_first is in mode audit/);
    assert.equal((await ask({ op: 'mode', mode: 'enforce' })).ok, true);
    await sleep(PAUSE_MS);
    // The other way to ask: a signal, whose answer is the status.
    write(second);
    process.kill(pid, 'SIGHUP');
    while ((await ask({ op: 'status' })).policy_sha256 !== shas[1]) await sleep(PAUSE_MS);
    await sleep(PAUSE_MS);
    close();
  };
  const changed = await change().then(
    () => undefined,
    (error) => error,
  );
  writeFileSync(stop, '');
  const { code, stdout, stderr, log } = await run;
  if (changed !== undefined) throw changed;
  assert.equal(code, 0, stderr);

  const [tries, passed, odd, turns] = stdout.trim().split(' ').map(Number);
  assert.equal(passed, 0, 'forbidden opens that succeeded');
  assert.equal(odd, 0, 'errors that are of no rule');
  // Each swap, both changes of modes, and the last reload.
  assert.equal(turns, swaps + 3);
  assert.ok(tries > 10 * swaps, `tries: ${tries}`);
  const rules = (path) => [
    ...new Set(log.events.filter((e) => e.path === path && e.policy_rule).map((e) => e.policy_rule)),
  ];
  assert.deepEqual(rules(secret).sort(), ['first', 'second']);
  assert.deepEqual(rules(only), ['only_first']);
  assert.deepEqual(rules(place), ['self_protection.policy']);
  log.some('file_open', { path: only, action: 'BLOCKED', errno: 13 });
  log.some('file_open', { path: only, action: 'WOULD_BLOCK', policy_rule: 'only_first' });
  log.none('file_open', { path: secret, action: 'WOULD_BLOCK' });
  const loaded = log.of('policy_loaded').map((event) => event.reason);
  assert.deepEqual(loaded, ['session_start', ...Array(swaps + 1).fill('reload')]);
  const modes = log.of('mode_changed').map((event) => [event.mode, event.policy_rule]);
  assert.deepEqual(modes, [
    ['audit', 'only_first'],
    ['enforce', undefined],
  ]);
  figure('swaps', { swaps, tries, passed });
}
