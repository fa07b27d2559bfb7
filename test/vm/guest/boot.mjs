// The guest itself: Node runs, the mounts of a machine with systemd are there, a C program of ours runs.
import { readFileSync, statfsSync } from 'node:fs';

export const product = 'none';
export const needs = ['c:hello'];

export default async function ({ assert, canary, run, figure, tier, preempt }) {
  const word = canary();
  const greeting = await run('hello', [word]);
  assert.deepEqual(greeting, { code: 0, stdout: `hello ${word}\n`, stderr: '' });

  const lsm = readFileSync('/sys/kernel/security/lsm', 'utf8');
  assert.equal(lsm.split(',').includes('bpf'), tier === 'lsm', `lsm=${lsm}`);
  // Documentation: magic numbers of include/uapi/linux/magic.h
  assert.equal(statfsSync('/sys/kernel/tracing').type, 0x74726163, 'tracefs');
  assert.equal(statfsSync('/sys/fs/bpf').type, 0xcafe4a11, 'bpffs');
  assert.equal(statfsSync('/sys/fs/cgroup').type, 0x63677270, 'cgroup2');
  assert.ok(statfsSync('/sys/kernel/btf').type > 0);
  assert.ok(readFileSync('/sys/kernel/btf/vmlinux').length > 1e6, 'the kernel describes its types');

  const { stdout: id } = await run('su', ['agent', '-c', 'id -u; cat /proc/sys/kernel/random/boot_id']);
  assert.match(id, /^1000\n[0-9a-f-]{36}\n$/);
  if (preempt) assert.match(readFileSync('/sys/kernel/debug/sched/preempt', 'utf8'), new RegExp(`\\(${preempt}\\)`));
  figure('node_start_ms', await startTime(run));
}

async function startTime(run) {
  const from = performance.now();
  await run(process.execPath, ['-e', '0']);
  return Math.round(performance.now() - from);
}
