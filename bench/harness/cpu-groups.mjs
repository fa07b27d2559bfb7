import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A control group whose CPU counter can be read, or undefined where this machine has none to give (no root, nothing
 * mounted). The counter holds every process that was ever in the group, also those that nobody waited for.
 *
 * @param {string} name
 * @returns {{procs: string, usedNs: () => bigint, remove: () => void} | undefined}
 */
export function createCpuGroup(name) {
  for (const { folder, read } of hierarchies()) {
    const group = join(folder, `agentgov-bench-${process.pid}-${name}`);
    try {
      mkdirSync(group);
      read(group);
    } catch {
      continue;
    }
    return {
      procs: join(group, 'cgroup.procs'),
      usedNs: () => read(group),
      remove: () => removeWhenEmpty(group),
    };
  }
  return undefined;
}

/** cpuacct first: to move processes about in the unified hierarchy could change which cgroup programs they meet. */
function hierarchies() {
  const found = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [before, after] = line.split(' - ');
    if (after === undefined) continue;
    const folder = before.split(' ')[4];
    const [type, , options] = after.split(' ');
    if (type === 'cgroup' && options.split(',').includes('cpuacct')) {
      found.unshift({ folder, read: (group) => BigInt(readFileSync(join(group, 'cpuacct.usage'), 'utf8')) });
    } else if (type === 'cgroup2') {
      found.push({ folder, read: readUnified });
    }
  }
  return found;
}

function readUnified(group) {
  const used = /^usage_usec (\d+)$/m.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'));
  if (!used) throw new Error(`no usage_usec in ${group}/cpu.stat`);
  return BigInt(used[1]) * 1000n;
}

function removeWhenEmpty(group) {
  try {
    rmdirSync(group);
  } catch {
    // A process that is still dying keeps it; an empty folder of counters left behind harms nobody.
  }
}
