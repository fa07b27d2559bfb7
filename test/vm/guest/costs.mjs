// What verdicts cost, in a machine whose clock counts instructions: open and close, exec and connect of a process that is
// held to a policy of 10 rules and to one of 10,000, of one that is only watched, of one that is nobody's, and of one under
// an AppArmor profile that forbids the same; and what the kernel says of each program that decides. `npm run bench -- --only
// enforce-vm` makes a table of these figures.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const needs = ['c:costs', 'bpftool', 'apparmor_parser'];
export const variants = ['lsm-counted'];
export const per = 'full';
export const timeout = 3000;
export const evidence = 'costs';

const SCALE = 1000;

export default async function ({ assert, file, figure, run, work }) {
  for (const folder of ['open', 'closed', 'closed/folder']) mkdirSync(join(work, folder));
  const opened = file('open/file', '');
  const forbidden = (count) => Array.from({ length: count - 2 }, (_, i) => `${work}/closed/${i}`);
  const policy = (count) => {
    const rule = (name, match) => `  - {name: ${name}, match: {${match}}, action: BLOCK}\n`;
    const rules = [
      ...forbidden(count).map((path, i) => rule(`r${i}`, `path: ["${path}"]`)),
      rule('folder', `path_prefix: ["${work}/closed/folder"]`),
      rule('address', 'destination_ip: ["192.0.2.0/24"]'),
    ];
    return file(`${count}.yaml`, `version: "1.0"\nmode: enforce\npolicies:\n${rules.join('')}`);
  };

  /** Runs costs by these words in front of it: its ns by work, and what `then` makes of it before it ends. */
  async function costs(words, then = async () => {}) {
    const [program, ...rest] = [...words, '/usr/local/bin/costs', opened, String(SCALE)];
    const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (text) => {
      complaint += text;
    });
    const exited = once(child, 'exit');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value: line } = await lines.next();
    assert.ok(line !== undefined, complaint);
    await then(async () => {
      child.stdin.write('x');
      assert.equal((await lines.next()).value, 'done', complaint);
    });
    child.stdin.end();
    assert.deepEqual(await exited, [0, null], complaint);
    return JSON.parse(line);
  }

  /** By program that decides: the ns of all its runs, and how many. */
  async function programs() {
    const { stdout } = await run('bpftool', ['--json', 'prog', 'show']);
    const deciders = JSON.parse(stdout).filter(({ name }) => name?.startsWith('gov_'));
    return new Map(deciders.map(({ name, run_time_ns = 0, run_cnt = 0 }) => [name, [run_time_ns, run_cnt]]));
  }
  const counting = (on) => writeFileSync('/proc/sys/kernel/bpf_stats_enabled', on ? '1' : '0');

  let sessions = 0;
  const agentgov = (command, ...words) => [
    'agentgov',
    command,
    ...words,
    '--output-file',
    join(work, `audit-${++sessions}.jsonl`),
    '--',
  ];
  /** The same under a policy, and the mean ns of each program that decided. */
  async function enforced(count) {
    const verdicts = {};
    const ns = await costs(agentgov('enforce', policy(count)), async (again) => {
      counting(true);
      const before = await programs();
      await again();
      const after = await programs();
      counting(false);
      for (const [name, [time, runs]] of after) {
        const [timeBefore, runsBefore] = before.get(name);
        // What runs less often than what is measured is somebody else's.
        if (runs - runsBefore >= SCALE / 10) verdicts[name] = Math.round((time - timeBefore) / (runs - runsBefore));
      }
    });
    return { ns, verdicts };
  }

  figure('bare', await costs([]));
  for (const count of [10, 10_000]) {
    const { ns, verdicts } = await enforced(count);
    figure(`rules_${count}`, ns);
    figure(`verdicts_${count}`, verdicts);
  }
  figure('monitored', await costs(agentgov('monitor')));

  const [program, ...words] = [...agentgov('enforce', policy(10)), 'cat'];
  const tree = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
  const over = once(tree, 'exit');
  let told = '';
  for await (const text of tree.stderr) {
    told += text;
    if (told.includes('Enforcing')) break;
  }
  figure('ungoverned', await costs([]));
  tree.stdin.end();
  assert.deepEqual(await over, [0, null], told);

  const denied = [...forbidden(10), `${work}/closed/folder/**`].map((path) => `  deny ${path} rwklmx,\n`);
  const profile = file(
    'profile',
    `profile costs /usr/local/bin/costs {\n  file,\n  /** ix,\n  network,\n  capability,\n  signal,\n  ptrace,\n  unix,\n${denied.join('')}}\n`,
  );
  const loaded = await run('apparmor_parser', ['--add', '--skip-cache', profile]);
  assert.equal(loaded.code, 0, loaded.stderr);
  writeFileSync(join(work, 'closed/0'), '');
  const refused = await run('/usr/local/bin/costs', [join(work, 'closed/0'), '10']);
  assert.match(refused.stderr, /Permission denied/);
  figure('apparmor', await costs([]));
  await run('apparmor_parser', ['--remove', profile]);
  figure('bare_again', await costs([]));
}
