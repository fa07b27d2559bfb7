import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc; Linux tells user space 100 on every machine that this runs on. */
const TICKS = 100;

/** The fields of /proc/PID/stat behind the name, which may itself hold blanks and brackets; undefined when gone. */
function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
    return { name, fields: text.slice(text.lastIndexOf(')') + 2).split(' ') };
  } catch {
    return undefined;
  }
}

/** CPU of one process so far, in ms, to a tick. */
export function processCpuMs(pid) {
  const found = stat(pid);
  return found ? ((Number(found.fields[11]) + Number(found.fields[12])) * 1000) / TICKS : 0;
}

/** Direct children: [{pid, name}]. */
export function childrenOf(parent) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => ({ pid: Number(entry), stat: stat(entry) }))
    .filter((process_) => process_.stat && Number(process_.stat.fields[1]) === parent)
    .map(({ pid, stat: { name } }) => ({ pid, name }));
}

/**
 * Resident memory in kB. Rings and tables of the kernel that a loader has mapped are the kernel's memory: apart.
 *
 * @returns {{own: number, bpfMaps: number}}
 */
export function memoryKb(pid) {
  const memory = { own: 0, bpfMaps: 0 };
  let owner = 'own';
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) owner = line.includes('anon_inode:bpf-map') ? 'bpfMaps' : 'own';
    memory[owner] += Number(/^Rss:\s+(\d+) kB$/.exec(line)?.[1] ?? 0);
  }
  return memory;
}
