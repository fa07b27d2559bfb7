// A folder of one test file's own, and the random words that make its traces findable.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A place in memory, where thousands of files are made in no time; the system's temporary folder where there is none. */
export const memory: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/**
 * A new empty folder, removed after the tests of the calling file or suite (kept with AGENTGOV_KEEP=1, to look at). Call it
 * at the top of a file or of a `describe`. `under`: another place than the system's temporary folder, such as
 * {@link memory}.
 */
export function scratch(under: string = tmpdir()): string {
  const folder = realpathSync(mkdtempSync(join(under, 'agentgov-test-')));
  // rm(1) also removes what lies deeper than a path can say.
  if (process.env.AGENTGOV_KEEP !== '1') afterAll(() => execFileSync('rm', ['-rf', '--', folder]));
  return folder;
}

/** A word that is nowhere else on this machine: not from the seed, so that an old run's traces never match. */
export function canary(): string {
  return `c${randomBytes(8).toString('hex')}`;
}
