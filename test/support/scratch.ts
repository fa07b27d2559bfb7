// A folder of one test file's own, and the random words that make its traces findable.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A place in memory, where thousands of files are made in no time; the system's temporary folder where there is none. */
export const memory: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/**
 * Path of a folder that is there, new and empty, while the tests of the calling file or suite run, and removed after them
 * (kept with AGENTGOV_KEEP=1, to look at). Call it at the top of a file or of a `describe`: it is made in a hook, so that
 * nothing is left behind where every test is skipped. `under`: another place than the system's temporary folder, such as
 * {@link memory}.
 */
export function scratch(under: string = tmpdir()): string {
  const folder = join(realpathSync(under), `agentgov-test-${randomBytes(6).toString('hex')}`);
  beforeAll(() => void mkdirSync(folder, { mode: 0o700 }));
  // rm(1) also removes what lies deeper than a path can say.
  if (process.env.AGENTGOV_KEEP !== '1') afterAll(() => void execFileSync('rm', ['-rf', '--', folder]));
  return folder;
}

/** A word that is nowhere else on this machine: not from the seed, so that an old run's traces never match. */
export function canary(): string {
  return `c${randomBytes(8).toString('hex')}`;
}
