// On kernels whose tracepoints' programs hang on perf events, these do not run on a CPU where somebody's bpf() call on a
// map is interrupted. Records are missing then, and that is told; but who is forked there meanwhile stays in the tree.
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';

export const needs = ['c:held-off'];
export const per = 'handlers';
export const timeout = 900;

const PROGRAM = '/usr/local/bin/held-off';
const WORKERS = 8;

export default async function ({ assert, figure, monitor, run, scaled, skip, work }) {
  if (Number.parseInt(release(), 10) < 7) skip('no program hangs on a perf event before 7.0');
  const each = scaled(100);
  const calls = run(PROGRAM, ['calls', work]);
  const crowd = monitor([PROGRAM, 'crowd', work, String(WORKERS), String(each)]);
  const { code, stdout, stderr, log } = await crowd.finally(() => writeFileSync(join(work, 'forked'), ''));
  assert.equal(code, 0, stderr);
  assert.equal((await calls).code, 0, (await calls).stderr);
  const made = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  assert.equal(made.length, WORKERS * each);

  const forks = new Set(log.of('process_fork').map(({ pid }) => pid));
  const untold = made.filter(([, , pid]) => !forks.has(Number(pid))).length;
  const creates = new Map(log.of('file_create').map(({ path, pid }) => [path, pid]));
  const outside = made.filter(([, n, pid]) => creates.get(`${work}/${n}`) !== Number(pid));
  figure('processes', made.length);
  figure('forks_untold', untold);
  figure('left_tree', outside.length);
  assert.deepEqual(outside, [], `who left the tree, of ${made.length}, while the forks of ${untold} were not told`);

  const lost = log.find('events_lost', { class: 'process', reason: 'recursion' });
  const told = lost.reduce((all, { count }) => all + count, 0);
  assert.ok(untold > 0 && told >= untold, `${untold} forks were not told, ${told} runs were counted`);
}
