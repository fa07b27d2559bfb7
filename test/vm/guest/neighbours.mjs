// What root in one agent's tree tries against the sessions of others: one that is held to a policy, and one that is only
// recorded, under a set of programs of its own. Each way is open to who is governed by nobody, and closed in both modes.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loaders } from './lib/loaders.mjs';
import { NOT_TRIED, waysOf } from './lib/ways.mjs';

export const needs = ['c:neighbours'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 600;

const EPERM = 1;
/** What /proc makes of it. */
const EACCES = 13;
const ECONNREFUSED = 111;
const THROUGH_PROC = ['process_memory_file', 'process_pipe'];
const RULES = { files: 'agents', control: 'control', process: 'process' };
const kindOf = (way) => way.slice(0, way.indexOf('_'));

const policyOf = (mode) =>
  JSON.stringify({
    version: '1.0',
    mode,
    policies: [
      { name: 'files', match: { path_prefix: ['/'] }, action: 'ALLOW' },
      {
        name: 'machine',
        match: { event: ['mount', 'ptrace', 'signal', 'kernel_tamper', 'privilege_change'] },
        action: 'ALLOW',
      },
    ],
  });

export default async function ({ agentgov, artifacts, assert, figure, file, monitor, run, tier, work }) {
  const own = file('own.yaml', policyOf('enforce'));
  const ended = [];
  const until = async (condition, what, how) => {
    for (let turn = 0; !condition(); turn++) {
      assert.ok(turn < 6_000, `${what} did not come: ${how()}`);
      await sleep(20);
    }
  };

  /** A session over a process that sleeps: its engine, its loader, its files in a folder of its own. */
  const begin = async (name, words) => {
    const folder = join(work, name);
    mkdirSync(folder, { recursive: true });
    const log = join(folder, 'audit.jsonl');
    const agent = spawn('sleep', ['10000'], { stdio: 'ignore' });
    const before = new Set(loaders());
    const flags = ['--agent-id', name, '--output-file', log, '--pid', String(agent.pid)];
    const child = spawn('agentgov', [...words, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    const session = { folder, log, engine: child.pid, stderr: '', over: false, agent };
    ended.push(agent, child);
    child.stderr.on('data', (bytes) => {
      session.stderr += bytes;
      writeFileSync(join(artifacts, `${name}.stderr`), session.stderr);
    });
    child.on('exit', () => {
      session.over = true;
    });
    const begun = () => /(Enforcing|Recording) /.test(session.stderr) || session.over;
    await until(begun, name, () => session.stderr);
    assert.ok(!session.over, session.stderr);
    session.loader = loaders().find((pid) => !before.has(pid));
    return session;
  };

  try {
    mkdirSync(join(work, 'held'));
    const policy = join(work, 'held', 'policy.yaml');
    writeFileSync(policy, policyOf('enforce'));
    const held = await begin('held', ['enforce', policy, '--accept', 'leaky-hook']);
    const watched = await begin('watched', ['monitor', '--tier', tier]);

    const command = (how) => {
      writeFileSync(join(held.folder, 'new'), policyOf('enforce'));
      writeFileSync(`${held.log}.torn-1`, '');
      const pids = [held.engine, held.loader, watched.log, watched.engine, watched.loader].map(String);
      return ['neighbours', how, policy, held.log, 'held', ...pids];
    };
    const [program, ...mild] = command('mild');
    const free = await run(program, mild);
    const open = waysOf(free.stdout);
    const shut = [...open].filter(([, { errno }]) => [EPERM, EACCES, ECONNREFUSED, NOT_TRIED].includes(errno));
    assert.deepEqual(shut, [], `closed to who is governed by nobody: ${free.stdout}${free.stderr}`);

    const expectedOf = (way, { errno }) => {
      if (kindOf(way) === 'free') return errno;
      if (kindOf(way) === 'refused') return ECONNREFUSED;
      return THROUGH_PROC.includes(way) ? EACCES : EPERM;
    };
    for (const mode of ['audit', 'enforce']) {
      const { stdout, stderr, log } = await monitor(command('deadly'), { enforce: own, args: ['--mode', mode] });
      const ways = waysOf(stdout);
      assert.deepEqual(
        [...ways].map(([way, { errno }]) => [way, errno]),
        [...open].map(([way, found]) => [way, expectedOf(way, found)]),
        `mode ${mode}: ${stdout}${stderr}`,
      );
      for (const [way, { pid }] of ways) {
        const told = log.events.filter((event) => event.pid === pid && event.policy_rule !== undefined);
        const rule = RULES[kindOf(way)];
        if (rule === undefined) assert.deepEqual(told, [], `${way} is nobody's business`);
        const fits = ({ action, policy_rule: by }) => action === 'BLOCKED' && by === `self_protection.${rule}`;
        assert.ok(rule === undefined || told.some(fits), `${mode}: no event of ${way}: ${JSON.stringify(told)}`);
      }
      assert.ok(!held.over && !watched.over, `${held.stderr}${watched.stderr}`);
    }
    figure('ways', open.size);

    // Its policy goes on without them, and their numbers are anybody's.
    for (const pid of [held.engine, held.loader]) process.kill(pid, 'SIGKILL');
    await until(
      () => held.over && !loaders().includes(held.loader),
      'the end',
      () => held.stderr,
    );
    const heir = await another(held.engine);
    ended.push(heir);
    const { stdout, stderr } = await monitor(['neighbours', 'signal', String(heir.pid)], { enforce: own });
    assert.equal(waysOf(stdout).get('signal_alone')?.errno, 0, stderr);
    for (const name of ['held', 'watched']) assert.equal((await agentgov(['detach', name])).code, 0);
    await until(
      () => loaders().length === 0,
      'the end of all',
      () => watched.stderr,
    );
  } finally {
    for (const child of ended.reverse()) child.kill('SIGKILL');
  }

  /** A process that has the number of one that is no more. */
  async function another(pid) {
    for (let turn = 0; turn < 100; turn++) {
      writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
      const child = spawn('sleep', ['10000'], { stdio: 'ignore' });
      if (child.pid === pid) return child;
      child.kill('SIGKILL');
    }
    return assert.fail(`nobody got the number ${pid}; the last one is ${readFileSync('/proc/sys/kernel/ns_last_pid')}`);
  }
}
