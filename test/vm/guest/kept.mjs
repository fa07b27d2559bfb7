// What is enforced outlives agentgov: it is killed and started again under an agent that tries what is forbidden all the
// time, and forks; nothing ever gets through, and each refusal is in the log or counted as lost. detach ends it.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loaders } from './lib/loaders.mjs';
import { parseLog } from './lib/log.mjs';

export const needs = ['c:kept'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 1200;

const PINS = '/sys/fs/bpf/agentgov';

const killLoader = () => process.kill(loaders()[0], 'SIGKILL');
const killBoth = ({ pid }) => {
  killLoader();
  process.kill(pid, 'SIGKILL');
};
const WAYS = [
  killBoth,
  ({ pid }) => process.kill(pid, 'SIGKILL'),
  killLoader,
  ({ pid }) => process.kill(pid, 'SIGTERM'),
];

export default async function ({ agentgov, assert, canary, figure, file, full, run, scaled, seed, work }) {
  const secret = file('secret', canary());
  const [stop, numbers, log] = [join(work, 'stop'), join(work, 'counts'), join(work, 'audit.jsonl')];
  const policyOf = (onExit) =>
    file(
      `${onExit}.yaml`,
      `version: "1.0"\nmode: enforce\n${onExit === 'default' ? '' : `on_exit: ${onExit}\n`}policies:\n` +
        `  - {name: closed, match: {path: ["${secret}"]}, action: BLOCK}\n`,
    );
  const [keep, insist, release] = ['default', 'keep', 'release'].map(policyOf);
  const agent = spawn('kept', [secret, stop, numbers], { stdio: 'ignore' });
  const counts = () => {
    const bytes = readFileSync(numbers);
    const [refused, passed, odd, who] = [0, 8, 16, 24].map((at) => Number(bytes.readBigUInt64LE(at)));
    return { refused, passed, odd, who };
  };
  const until = async (condition, what, how = () => '') => {
    for (let turn = 0; !condition(); turn++) {
      assert.ok(turn < 10_000, `${what} did not come; ${how()}`);
      await sleep(20);
    }
  };
  const flags = (to) => ['--accept', 'leaky-hook', '--output-file', to];

  /** agentgov, once it enforces. */
  async function start(policy, ...target) {
    const words = ['enforce', policy, '--agent-id', 'kept.agent', ...flags(log), ...target];
    const child = spawn('agentgov', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    const engine = { pid: child.pid, stderr: '', code: undefined };
    child.stderr.on('data', (text) => {
      engine.stderr += text;
    });
    child.on('exit', (code, signal) => {
      engine.code = signal ?? code;
    });
    const how = () => `exit ${engine.code}: ${engine.stderr}`;
    await until(() => engine.stderr.includes('Enforcing') || engine.code !== undefined, 'enforcement', how);
    assert.equal(engine.code, undefined, engine.stderr);
    return engine;
  }
  const begin = (policy) => start(policy, '--pid', String(agent.pid), String(counts().who));
  const gone = (engine) =>
    until(
      () => engine.code !== undefined && loaders().length === 0,
      'the end',
      () => engine.stderr,
    );
  const pins = () => (existsSync(PINS) ? readdirSync(PINS) : []);
  const status = async () => JSON.parse((await agentgov(['status', '--json'])).stdout);

  await until(() => existsSync(numbers) && counts().passed > 0, 'the first try');
  let engine = await begin(keep);
  // What was open before somebody enforced is nobody's failure.
  const { passed } = counts();
  // A kernel that skips fmod_ret programs now and then lets something through without any gap: that is said, and known.
  const leaky = engine.stderr.includes('not airtight');
  const still = () => assert.deepEqual([leaky ? passed : counts().passed, counts().odd], [passed, 0]);
  const rounds = scaled(8);
  for (let round = 0; round < rounds; round++) {
    const way = WAYS[(seed + round) % WAYS.length];
    await sleep(200);
    way(engine);
    await gone(engine);
    if (way === WAYS.at(-1)) assert.match(engine.stderr, /agentgov detach kept\.agent ends that/);
    const { refused } = counts();
    if (round === 0) {
      const { kept } = await status();
      assert.equal(kept.length, 1);
      assert.equal(kept[0].agent_id, 'kept.agent');
      assert.ok(kept[0].processes >= 2, `${kept[0].processes} processes`);
    }
    await until(() => counts().refused > refused + 20, 'what the kernel alone refuses');
    still();
    engine = await start(keep);
    still();
  }
  await until(() => readdirSync(`${PINS}/kept%2Eagent`).length === 1, 'the end of all other runs');
  const detached = await agentgov(['detach', 'kept.agent']);
  assert.equal(detached.code, 0, detached.stderr);
  await gone(engine);
  await until(() => counts().passed > passed, 'the open file');
  assert.deepEqual(pins(), []);

  const { verifyFile } = await import('/opt/agentgov/dist/index.js');
  const { verdict, reason } = await verifyFile(log);
  assert.equal(verdict, 'intact', reason);
  const { refused } = counts();
  const record = parseLog(readFileSync(log, 'utf8'));
  const told = record.find('file_open', { path: secret, action: 'BLOCKED', policy_rule: 'closed' }).length;
  const sum = (fields) => record.find('events_lost', fields).reduce((all, { count }) => all + count, 0);
  const lost = sum({ class: 'verdict' });
  assert.equal(told + lost, refused, `${told} in the log and ${lost} lost`);
  assert.ok(told > 0 && lost > 0);
  // One that was killed at once may not have got so far.
  const [, ...later] = record.of('session_start');
  for (const { notes } of later) assert.equal(notes.filter((note) => note.startsWith('Taken over:')).length, 1);
  assert.equal(record.of('session_end').at(-1).reason, 'detached on request: the processes go on by themselves');
  figure('kept', { rounds, refused, told, lost });
  if (full) await more();
  writeFileSync(stop, '');

  async function more() {
    // Another agent may be held beside it, but not the same process.
    engine = await begin(keep);
    const otherFlags = ['--agent-id', 'other', ...flags(join(work, 'other.jsonl'))];
    const other = (policy, ...words) => agentgov(['enforce', policy, ...otherFlags, ...words]);
    const claimed = await other(keep, '--pid', String(agent.pid));
    assert.equal(claimed.code, 2, claimed.stderr);
    assert.match(claimed.stderr, /kept\.agent/);
    killBoth(engine);
    await gone(engine);
    const kept = await other(keep, '--pid', String(agent.pid));
    assert.equal(kept.code, 2, kept.stderr);
    assert.match(kept.stderr, /another agent, kept\.agent, is in force there already/);
    const beside = await other(keep, '--', 'cat', secret);
    assert.equal(beside.code, 1, beside.stderr);
    assert.deepEqual(pins(), ['kept%2Eagent']);

    // Without an engine.
    const alone = counts();
    await until(() => counts().refused > alone.refused + 20, 'what the kernel alone refuses');
    assert.equal(counts().passed, alone.passed);
    assert.equal((await agentgov(['detach', 'kept.agent'])).code, 0);
    await until(() => counts().passed > alone.passed, 'the open file');
    assert.deepEqual(pins(), []);
    const again = await agentgov(['detach', 'kept.agent']);
    assert.equal(again.code, 2, again.stderr);

    // Where it is to be released, it ends with agentgov.
    engine = await begin(release);
    const held = counts();
    assert.deepEqual(pins(), []);
    process.kill(engine.pid, 'SIGKILL');
    await gone(engine);
    await until(() => counts().passed > held.passed, 'the open file');

    // Where nothing can be pinned either, and that is said.
    const readOnly = [
      '-m',
      'sh',
      '-c',
      'mount -o remount,bind,ro /sys/fs/bpf && exec "$@"',
      'sh',
      'agentgov',
      'enforce',
    ];
    const command = [...otherFlags, '--', 'cat', secret];
    const unpinned = await run('unshare', [...readOnly, keep, ...command]);
    assert.equal(unpinned.code, 1, unpinned.stderr);
    assert.match(unpinned.stderr, /The policy ends with agentgov: nothing can be pinned/);
    const insisting = await run('unshare', [...readOnly, insist, ...command]);
    assert.equal(insisting.code, 3, insisting.stderr);

    // Pins of a tree that is no more go with the next look.
    engine = await begin(keep);
    process.kill(engine.pid, 'SIGKILL');
    await gone(engine);
    writeFileSync(stop, '');
    await until(() => agent.exitCode !== null, 'the end of the agent');
    await sleep(200);
    assert.deepEqual(await status(), { engines: [], kept: [] });
    assert.deepEqual(pins(), []);
  }
}
