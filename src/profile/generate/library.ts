import type { Evidence } from './evidence.js';
import type { Made, Names } from './made.js';

/**
 * What malloc of the C library looks at when threads of a program meet in it, and when it gives memory back: how many
 * processors there are, and whether memory is promised twice (glibc, sysdeps/unix/sysv/linux/getsysstats.c and
 * malloc-sysdep.h). Anybody may read it, and it says nothing but that.
 */
const FACTS = ['/proc/sys/vm/overcommit_memory', '/sys/devices/system/cpu/online', '/sys/devices/system/cpu/possible'];

/** What no run needs to show: chance decides in which of them it happens. Those that did show it have rules of their own. */
export function libraryRule(evidence: readonly Evidence[], names: Names): Made[] {
  const seen = new Set(evidence.filter(({ verb }) => verb === 'read').map(({ target }) => target.path));
  const path = FACTS.filter((fact) => !seen.has(fact));
  if (path.length === 0) return [];
  return [
    {
      section: 'learned',
      rule: { name: names.next('c_library'), match: { path, access: ['read'] }, action: 'ALLOW' },
      why: 'What the C library of any program reads of the machine, in one run and not in the next.',
      notes: new Map(),
    },
  ];
}
