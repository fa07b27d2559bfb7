// What policy, replay and init have in common: a policy from a file, with its faults as compilers print them.
import { isAbsolute } from 'node:path';
import { EXIT, usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { loadPolicy, located, type Policy, PolicyError } from '../policy/index.js';

/** Each fault on a line of its own; an editor jumps to `FILE:LINE:COL:` only at the start of a line. */
export function printFaults({ lines }: PolicyError): void {
  for (const line of lines) process.stderr.write(`${escapeForTerminal(line)}\n`);
}

export function printNotes({ file, notes }: Policy): void {
  for (const note of notes) {
    process.stderr.write(`${escapeForTerminal(located(file, { ...note, message: `note: ${note.message}` }))}\n`);
  }
}

/** The policy, or undefined after its faults were printed and the exit code was set to 2. */
export async function readPolicy(path: string): Promise<Policy | undefined> {
  try {
    return await loadPolicy(path);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    printFaults(error);
    process.exitCode = EXIT.usage;
    return undefined;
  }
}

/** Reader of `--home`, which may be given several times. */
export function addHome(path: string, before: string[] | undefined): string[] {
  if (!isAbsolute(path))
    throw usageError(`--home takes the absolute path of a home folder, not ${JSON.stringify(path)}`);
  return [...(before ?? []), path.replace(/(?<=.)\/+$/, '')];
}

export const HOME_HELP = 'home folder that ~ stands for (repeatable; every /root and /home/* without it)';
