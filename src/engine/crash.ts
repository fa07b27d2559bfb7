import { writeFileSync } from 'node:fs';
import { usageError } from '../errors.js';

const FILTER = '/proc/self/coredump_filter';
const SNAPSHOTS = /--heapsnapshot[-_][\w-]+/;

/**
 * Makes sure that a crash leaves nothing of this process's memory behind, which holds what the tree sent before secrets
 * are taken out of it: no kind of mapping goes into a core (core(5); with the kernel's file, pipe and socket alike, and
 * there is no such file where the kernel writes no cores), and Node writes no report. The rest is the loader's to do,
 * which can change what Node cannot (leave_no_core() in bpf/loader/run.c).
 *
 * Who is forked later inherits this: CMD has to be there already.
 * @returns a warning for the user where that could not be done
 */
export function leaveNoCore(): string | undefined {
  const { report } = process;
  report.reportOnFatalError = false;
  report.reportOnUncaughtException = false;
  report.reportOnSignal = false;
  try {
    writeFileSync(FILTER, '0');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') return `A crash of agentgov may leave what it has read in a core file: ${FILTER}: ${code}.`;
  }
  return undefined;
}

/** @throws AgentgovError (exit 2) where Node was told to write its memory to disk, plaintext with it. */
export function refuseSnapshots(options = [...process.execArgv, process.env.NODE_OPTIONS ?? '']): void {
  const asked = SNAPSHOTS.exec(options.join(' '))?.[0];
  if (asked !== undefined)
    throw usageError(
      `${asked} makes Node write agentgov's memory to disk, and plaintext with it: take it out of NODE_OPTIONS, or give ` +
        'it to the command alone (-- env NODE_OPTIONS=… CMD).',
    );
}
