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

/** Resident memory in kB: now, and the most it ever was. */
export function memoryKb(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return { now: field('VmRSS'), peak: field('VmHWM') };
}
