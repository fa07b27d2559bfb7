// Rules over what the tree itself has written: what they let through, that replay says of a recording what the kernel decided,
// and that nothing of it is forgotten from a session to the next. That each way to run it leads nowhere is in bypass.mjs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeScene } from './lib/bypass-scene.mjs';
import { WAYS } from './lib/bypass-ways.mjs';
import { parseLog } from './lib/log.mjs';
import { waysOf } from './lib/ways.mjs';

export const needs = ['c:written', 'c:bypass', 'dash'];
export const variants = ['lsm', 'hook', 'observe'];
export const per = 'turn';
export const timeout = 600;

const EPERM = 1;
const OWN = WAYS.filter(({ deny, open }) => deny === 'own' && open === undefined).map(({ name }) => name);
/** What runs all the same. */
const RUNS = ['ready', 'excepted', 'replaced_by_others'];
/** What is no exec: the kernel is asked about the mapping, which no event tells that went on. */
const MAPPED = ['own_by_loader', 'own_preloaded', 'own_mapped', 'own_protected', 'own_memfd_mapped'];
/** What nobody sees in tier observe: what a ring does, and a descriptor that comes from outside. */
const UNSEEN = ['own_by_ring', 'own_handed_over'];

const policyOf = (dir, mode) => `
version: "1.0"
mode: ${mode}
policies:
  - {name: own, match: {written: true}, action: BLOCK}
  - {name: built, match: {written: true, path_prefix: ["${dir}/allowed/target"]}, action: ALLOW}
`;

/** Of a log that is being written. */
const wholeLines = (log) => readFileSync(log, 'utf8').replace(/[^\n]*$/, '');

const isWritten = ({ written, script_written: script }) => written === true || script === true;

export default async function ({ agentgov, artifacts, assert, file, figure, monitor, run, tier, work }) {
  /** What the two programs do in a fresh folder, by `go`; who is outside the tree does its part. */
  async function tryAll(name, go) {
    const dir = join(work, name);
    mkdirSync(join(dir, 'allowed/target'), { recursive: true });
    const [others, ready] = [join(dir, 'allowed/by-others'), join(dir, 'allowed/by-others.ready')];
    const scene = await makeScene(dir, run);
    copyFileSync('/usr/bin/dash', join(dir, 'of-others'));
    const replacing = setInterval(() => {
      if (!existsSync(ready)) return;
      renameSync(join(dir, 'of-others'), others);
      rmSync(ready);
    }, 20);
    try {
      const result = await go(dir);
      const ways = waysOf(result.stdout);
      const namesOf = (test) => [...ways].filter(([way, { errno }]) => test(errno, way)).map(([way]) => way);
      return { ...result, dir, ways, namesOf };
    } finally {
      clearInterval(replacing);
      scene.close();
    }
  }

  // Without a policy, or in mode audit, the log tells which of them were written, and replay stops these.
  const both = 'written "$1" && exec bypass "$@"';
  const recorded = await tryAll('recorded', (dir) =>
    monitor(
      ['sh', '-c', both, 'sh', dir, '0', '0', ...OWN],
      tier === 'observe' ? {} : { enforce: file('audit.yaml', policyOf(dir, 'audit')) },
    ),
  );
  const all = [...recorded.ways.keys()];
  assert.deepEqual(
    OWN.filter((way) => !all.includes(way)),
    [],
    recorded.stderr,
  );
  assert.deepEqual(
    recorded.namesOf((errno) => errno !== 0),
    [],
    `${recorded.stdout}${recorded.stderr}`,
  );
  const ran = recorded.log.events.filter(
    ({ event_type: type, action }) => type === 'process_exec' && action === 'OBSERVED',
  );
  const byPid = ([way, { pid }]) => [way, ran.filter((event) => event.ppid === pid)];
  const told = [...recorded.ways].map(byPid).filter(([, events]) => events.some(isWritten));
  const unseen = ['ready', 'replaced_by_others', ...MAPPED, ...(tier === 'observe' ? UNSEEN : [])];
  assert.deepEqual(
    told.map(([way]) => way),
    all.filter((way) => !unseen.includes(way)),
    'told as written',
  );
  const { stdout } = await agentgov([
    'replay',
    '--report',
    'json',
    file('replay.yaml', policyOf(recorded.dir, 'audit')),
    recorded.file,
  ]);
  const found = JSON.parse(stdout).findings.filter(({ rule }) => rule === 'own');
  const execs = told.filter(([way]) => way !== 'excepted').flatMap(([, events]) => events.filter(isWritten));
  const sum = found.reduce((events, finding) => events + finding.events, 0);
  assert.equal(sum, execs.length, `replay found ${JSON.stringify(found)}`);
  if (tier === 'observe') return;
  const against = recorded.log.events.filter(
    ({ action, policy_rule: rule }) => action === 'WOULD_BLOCK' && rule === 'own',
  );
  for (const way of all.filter((name) => !RUNS.includes(name))) {
    const { pid } = recorded.ways.get(way);
    assert.ok(
      against.some((event) => (event.pid === pid || event.ppid === pid) && event.written === true),
      `${way} (${pid}) is not told as what would be stopped`,
    );
  }

  const held = await tryAll('held', (dir) =>
    monitor(['written', dir], { enforce: file('enforce.yaml', policyOf(dir, 'enforce')) }),
  );
  assert.deepEqual(
    Object.fromEntries([...held.ways].map(([way, { errno }]) => [way, errno])),
    { ready: 0, excepted: 0, moved_out: EPERM, replaced_by_others: 0 },
    `${held.stdout}${held.stderr}`,
  );
  held.log.one('process_exec', { action: 'BLOCKED', policy_rule: 'own', written: true });

  // What was open for writing before anybody was governed; also when nobody but the kernel remembers it, and for the next
  // session, which takes over.
  const dir = join(work, 'held');
  const holder = spawn('written', ['hold', dir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: holder.stdout })[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value;
  assert.equal(await line(), 'ready');
  const policy = file('held.yaml', policyOf(dir, 'enforce'));
  const logs = [join(artifacts, 'held.jsonl'), join(artifacts, 'taken-over.jsonl')];
  for (const [turn, log] of logs.entries()) {
    const flags = ['--agent-id', 'written', '--accept', 'leaky-hook', '--output-file', log];
    const target = turn === 0 ? ['--pid', String(holder.pid)] : [];
    const session = spawn('agentgov', ['enforce', policy, ...flags, ...target], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(session, 'exit');
    await new Promise((resolve) =>
      session.stderr.on('data', (said) => String(said).includes('Enforcing') && resolve()),
    );
    const tries = async () => {
      holder.stdin.write('x');
      assert.match(await line(), /^held 1 \d+$/, `session ${turn}`);
    };
    await tries();
    const isTold = ({ action, policy_rule: rule, written, path }) =>
      action === 'BLOCKED' && rule === 'own' && written === true && path === join(dir, 'allowed/held');
    while (!parseLog(wholeLines(log)).events.some(isTold)) await sleep(100);
    if (turn === 0) session.kill('SIGKILL');
    else holder.stdin.end();
    await ended;
    if (turn === 0) await tries();
  }
  figure('ways', all.length + 1);
}
