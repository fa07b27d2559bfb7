// Rules over what the tree itself has written: each way to run it leads there without such a rule and nowhere under one,
// but where the policy excepts it; and replay says of the recording what the kernel decided.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseLog } from './lib/log.mjs';
import { UNTOLD, waysOf } from './lib/ways.mjs';

export const needs = ['c:written', 'dash'];
export const variants = ['lsm', 'hook', 'observe'];
export const per = 'turn';
export const timeout = 400;

const EPERM = 1;
/** What runs all the same. */
const RUNS = ['ready', 'excepted', 'replaced_by_others'];
/** Stopped without an error that the one who tries could see: the loader goes on without the library. */
const SILENT = ['by_loader', 'preloaded'];
/** What is no exec: the kernel is asked about the mapping, which no event tells that went on. */
const MAPPED = [...SILENT, 'mapped', 'protected_later'];

const policyOf = (dir, mode) => `
version: "1.0"
mode: ${mode}
policies:
  - {name: own, match: {written: true}, action: BLOCK}
  - {name: built, match: {written: true, path_prefix: ["${dir}/target"]}, action: ALLOW}
`;

/** Of a log that is being written. */
const wholeLines = (log) => readFileSync(log, 'utf8').replace(/[^\n]*$/, '');

const isWritten = ({ written, script_written: script }) => written === true || script === true;

export default async function ({ agentgov, artifacts, assert, file, figure, monitor, run, tier, work }) {
  const { stdout: dash } = await run('sh', ['-c', 'command -v dash']);
  const { stdout: libc } = await run('sh', ['-c', 'ls /usr/lib/*/libc.so.6']);

  /** All ways over a fresh folder by `go`; who is outside the tree does its part. */
  async function tryAll(name, go) {
    const dir = join(work, name);
    mkdirSync(join(dir, 'target'), { recursive: true });
    for (const tool of ['tool', 'over', 'changed', 'replacement']) copyFileSync(dash.trim(), join(dir, tool));
    copyFileSync(libc.trim(), join(dir, 'lib.so'));
    file(`${name}/script`, `#!${dir}/interpreter\nexit 42\n`, 0o755);
    const giver = spawn('written', ['give', dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(giver.stdout, 'data');
    const others = setInterval(() => {
      if (!existsSync(join(dir, 'replaced.ready')) || existsSync(join(dir, 'replaced.done'))) return;
      renameSync(join(dir, 'replacement'), join(dir, 'replaced'));
      file(`${name}/replaced.done`, '');
    }, 20);
    try {
      const result = await go(['written', dir], dir);
      const ways = waysOf(result.stdout);
      const namesOf = (test) => [...ways].filter(([way, { errno }]) => test(errno, way)).map(([way]) => way);
      return { ...result, dir, ways, namesOf };
    } finally {
      clearInterval(others);
      giver.kill('SIGKILL');
    }
  }

  const free = await tryAll('free', ([program, ...args]) => run(program, args));
  const all = [...free.ways.keys()];
  assert.deepEqual(
    free.namesOf((errno) => errno !== 0),
    [],
    `lead nowhere without a policy: ${free.stdout}${free.stderr}`,
  );

  // Without a policy, or in mode audit, the log tells which of them were written, and replay stops these.
  const recorded = await tryAll('recorded', (command, dir) =>
    monitor(command, tier === 'observe' ? {} : { enforce: file('audit.yaml', policyOf(dir, 'audit')) }),
  );
  assert.deepEqual(
    recorded.namesOf((errno) => errno !== 0),
    [],
    `${recorded.stdout}${recorded.stderr}`,
  );
  const ran = recorded.log.events.filter(
    ({ event_type: type, action, exe }) =>
      type === 'process_exec' && action === 'OBSERVED' && exe !== '/usr/local/bin/written',
  );
  const byPid = ([way, { pid }]) => [way, ran.filter((event) => event.ppid === pid)];
  const told = [...recorded.ways].map(byPid).filter(([, events]) => events.some(isWritten));
  // In tier observe nobody sees what a ring does, nor a descriptor that comes from outside.
  const unseen = tier === 'observe' ? ['by_ring', 'handed_over', 'replaced_by_others'] : ['replaced_by_others'];
  assert.deepEqual(
    told.map(([way]) => way),
    all.filter((way) => !['ready', ...unseen, ...MAPPED].includes(way)),
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

  const held = await tryAll('held', (command, dir) =>
    monitor(command, { enforce: file('enforce.yaml', policyOf(dir, 'enforce')) }),
  );
  assert.deepEqual(
    held.namesOf((errno) => errno === 0),
    RUNS,
    `${held.stdout}${held.stderr}`,
  );
  assert.deepEqual(
    held.namesOf((errno) => errno === UNTOLD),
    SILENT,
    `${held.stdout}${held.stderr}`,
  );
  assert.deepEqual(
    held.namesOf((errno) => errno === EPERM),
    all.filter((way) => ![...RUNS, ...SILENT].includes(way)),
    `${held.stdout}${held.stderr}`,
  );
  for (const [way, { pid }] of held.ways) {
    if (RUNS.includes(way)) continue;
    const by = held.log.events.filter(
      (event) => event.action === 'BLOCKED' && (event.pid === pid || event.ppid === pid),
    );
    assert.ok(
      by.some((event) => event.policy_rule === 'own' && event.written === true),
      `${way} was told as ${by}`,
    );
  }

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
      action === 'BLOCKED' && rule === 'own' && written === true && path === join(dir, 'held');
    while (!parseLog(wholeLines(log)).events.some(isTold)) await sleep(100);
    if (turn === 0) session.kill('SIGKILL');
    else holder.stdin.end();
    await ended;
    if (turn === 0) await tries();
  }
  figure('ways', all.length + 1);
}
