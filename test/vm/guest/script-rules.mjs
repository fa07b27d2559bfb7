// Rules for one script among others: whoever runs it, from its first instruction until it is another program, across execs
// that fail and policies that change; and that replay says the same of the recording.

import { copyFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './lib/control.mjs';
import { waysOf } from './lib/ways.mjs';

export const needs = ['c:script-ways'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 300;

const [EPERM, EACCES] = [1, 13];
/** What each way comes to under the policy. */
const WANTED = {
  own: 0,
  thread: 0,
  vfork: 0,
  nothing: 0,
  missing: 0,
  text: 0,
  after: 0,
  program: EPERM,
  other: EACCES,
  link: 0,
  chain: EPERM,
  'from-thread': 0,
  // It may be any script: what is forbidden to one is forbidden to it.
  deep: EACCES,
};

export default async function ({ agentgov, assert, canary, file, monitor, run, work }) {
  const key = file('key', `${canary()}\n`);
  const program = join(work, 'program');
  const { stdout: place } = await run('sh', ['-c', 'command -v script-ways']);
  copyFileSync(place.trim(), program);
  const script = (name, interpreter) => file(name, `#!${interpreter}\n`, 0o755);
  const tool = script('tool', program);
  script('other', program);
  script('missing', join(work, 'nothing'));
  script('text', file('words', 'no program\n', 0o755));
  script('chain', tool);
  symlinkSync('tool', join(work, 'link'));

  const text = (own, mode = 'enforce') => `
version: "1.0"
mode: ${mode}
policies:
  - {name: closed, match: {path: ["${key}"]}, action: BLOCK}
  - {name: own, match: {path: ["${key}"], access: [read], script: ["${own}"]}, action: ALLOW}
  - {name: never, match: {path: ["${key}"], access: [read], script: ["**/other"]}, action: BLOCK, errno: EACCES}
`;
  const env = { ...process.env, KEY: key, DIR: work };

  const enforced = await monitor([tool], { enforce: file('policy.yaml', text(tool)), env });
  assert.equal(enforced.code, 0, enforced.stderr);
  const ways = waysOf(enforced.stdout);
  assert.deepEqual(Object.fromEntries([...ways].map(([way, { errno }]) => [way, errno])), WANTED);
  for (const { errno, pid } of ways.values()) {
    const blocked = { action: 'BLOCKED', path: key, pid };
    if (errno === 0) enforced.log.none('file_open', blocked);
    else enforced.log.one('file_open', { ...blocked, policy_rule: errno === EACCES ? 'never' : 'closed', errno });
  }
  assert.deepEqual(enforced.log.losses('lsm'), []);

  const watched = file('audit.yaml', text(tool, 'audit'));
  const audited = await monitor([tool], { enforce: watched, env: { ...env, SHALLOW: '1' } });
  const told = audited.log.find('file_open', { action: 'WOULD_BLOCK', path: key });
  assert.deepEqual(told.map(({ policy_rule: rule }) => rule).sort(), ['closed', 'closed', 'never', 'never']);
  const replayed = JSON.parse((await agentgov(['replay', '--report', 'json', watched, audited.file])).stdout);
  const found = replayed.findings.filter(({ events }) => events > 0);
  assert.deepEqual(found.map(({ object, rule, operations }) => `${object} ${rule} ${operations}`).sort(), [
    `${key} closed 2`,
    `${key} never 2`,
  ]);

  // A process that has run its script all the while is asked about by the policy that is in force.
  const changing = file('changing.yaml', text(tool));
  const stop = join(work, 'stop');
  const session = monitor([tool], {
    enforce: changing,
    args: ['--agent-id', 'scripts'],
    env: { ...env, UNTIL: stop },
  });
  const change = async () => {
    const { ask, close } = await control('/run/agentgov/scripts.sock');
    for (const own of ['/elsewhere/tool', '**/to*l', '/elsewhere/*', `${work}/**`]) {
      writeFileSync(`${changing}.new`, text(own));
      renameSync(`${changing}.new`, changing);
      const reply = await ask({ op: 'reload' });
      assert.equal(reply.ok, true, reply.text);
      await sleep(300);
    }
    close();
  };
  const changed = await change().then(
    () => undefined,
    (error) => error,
  );
  file('stop', '');
  const { stdout, stderr } = await session;
  if (changed) throw changed;
  assert.deepEqual(stdout.trim().split('\n').map(Number), [0, EPERM, 0, EPERM, 0], stderr);
}
