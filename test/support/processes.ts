// Processes as /proc shows them.
import { readdirSync, readFileSync } from 'node:fs';

/** State letter and parent of a process (proc(5)), undefined when there is none. */
function statOf(pid: number): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/** Does a process of this number still run? One that has ended and that nobody has waited for does not. */
export function alive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X';
}

/** All that descend from a process now, it not included. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = statOf(Number(name));
    if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
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
