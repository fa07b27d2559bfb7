// Processes as /proc shows them.
import { readdirSync, readFileSync } from 'node:fs';

/** Is there a process of this number that is not dead already? */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** All that descend from a process now, it not included. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const found: number[] = [];
  for (let next = children.get(pid) ?? []; next.length > 0; next = next.flatMap((one) => children.get(one) ?? []))
    found.push(...next);
  return found;
}

/** Kills a process that a test started, and what descends from it. */
export function killTree(pid: number): void {
  for (const one of [...descendants(pid), pid])
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
}
