// What a policy of 10,000 rules takes from its file into the kernel, in a machine whose clock counts instructions: when a session
// begins, beyond what one of 10 rules takes, and when another one of the same size takes its place under a running agent, which
// is then held to that. Elapsed, and CPU of the engine and of the loader.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { control } from './lib/control.mjs';
import { loaders } from './lib/loaders.mjs';
import { hostsOf, manyRules } from './lib/many-rules.mjs';

export const variants = ['lsm-counted'];
export const per = 'full';
export const timeout = 3000;
export const evidence = 'reload';

const RELOADS = 4; // an even number
const TICK_MS = 10; // USER_HZ

export default async function ({ assert, figure, file, run, work }) {
  const place = join(work, 'policy.yaml');
  const [first, second] = ['first', 'second'].map((name) => file(name, ''));
  const write = (count, closed) => {
    const own = `  - {name: closed, mode: enforce, match: {path: ["${closed}"], access: [read]}, action: BLOCK}\n`;
    writeFileSync(`${place}.new`, `version: "1.0"\nmode: audit\npolicies:\n${own}${manyRules(count - 1)}`);
    renameSync(`${place}.new`, place);
  };
  // Names of hosts have addresses, at once.
  const address = (n) => `198.18.${n >> 8}.${n & 255}`;
  appendFileSync(
    '/etc/hosts',
    hostsOf(9999)
      .map((host, n) => `${address(n)} ${host}\n`)
      .join(''),
  );

  /** By process: ms of CPU so far, of all its threads, and how much of that in the kernel, to a tick. */
  const cpu = (pids) =>
    Object.entries(pids).map(([name, pid]) => {
      const tasks = readdirSync(`/proc/${pid}/task`);
      const ns = tasks.map((task) =>
        Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]),
      );
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
      return [name, ns.reduce((sum, one) => sum + one) / 1e6, Number(stat[12]) * TICK_MS];
    });
  /** What a piece of work took. */
  const since = (begin, pids, before) => ({
    elapsed_ms: Math.round(performance.now() - begin),
    ...Object.fromEntries(
      cpu(pids).flatMap(([name, ms, kernel], at) => [
        [`${name}_ms`, Math.round(ms - (before?.[at][1] ?? 0))],
        [`${name}_kernel_ms`, kernel - (before?.[at][2] ?? 0)],
      ]),
    ),
  });

  /** A shell under a policy: what it took to get there, and what may be done with it. */
  async function session(count) {
    write(count, first);
    const begin = performance.now();
    const words = ['enforce', place, '--agent-id', `rules-${count}`, '--output-file', join(work, `${count}.jsonl`)];
    const child = spawn('agentgov', [...words, '--', 'sh'], { stdio: ['pipe', 'pipe', 'pipe'] });
    const over = once(child, 'exit');
    let told = '';
    for await (const text of child.stderr.iterator({ destroyOnReturn: false })) {
      told += text;
      if (told.includes('Auditing')) break;
    }
    const pids = { engine: child.pid, loader: loaders()[0] };
    const began = since(begin, pids);
    child.stderr.resume();
    const { ask, close } = await control(`/run/agentgov/rules-${count}.sock`);
    const lines = child.stdout.iterator({ destroyOnReturn: false });
    const opens = async (path) => {
      child.stdin.write(`cat ${path} 2>/dev/null && echo 0 || echo 1\n`);
      return (await lines.next()).value.toString() === '0\n';
    };
    const end = async () => {
      close();
      child.stdin.end('exit 0\n');
      assert.deepEqual(await over, [0, null], told);
    };
    return { began, pids, ask, opens, end };
  }

  const few = await session(10);
  await few.end();
  const { began, pids, ask, opens, end } = await session(10_000);
  const more = Object.entries(began).map(([name, ms]) => [name, ms - few.began[name]]);
  figure('first_load', Object.fromEntries(more));
  figure('session_of_10_rules', few.began);

  const reloads = [];
  for (let n = 1; n <= RELOADS; n++) {
    const [closed, open] = n % 2 ? [second, first] : [first, second];
    assert.deepEqual([await opens(closed), await opens(open)], [true, false]);
    write(10_000, closed);
    const [begin, before] = [performance.now(), cpu(pids)];
    const reply = await ask({ op: 'reload' });
    reloads.push(since(begin, pids, before));
    assert.equal(reply.ok, true, reply.text);
    assert.deepEqual([await opens(closed), await opens(open)], [false, true]);
  }
  figure('swap_of_10000_rules', reloads);
  // The second also says how much slower this machine is than another: it takes its time in Node, as most of a swap does.
  for (const words of [
    ['reload', 'rules-10000'],
    ['policy', 'check', place],
  ]) {
    const begin = performance.now();
    const { code, stderr } = await run('agentgov', words);
    assert.equal(code, 0, stderr);
    figure(`${words[0]}_command_ms`, Math.round(performance.now() - begin));
  }
  await end();
}
