import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that is measured. */
export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The bench's own folder, with a trailing slash. */
export const benchFolder = fileURLToPath(new URL('..', import.meta.url));

/** What is worth keeping between runs: compiled helpers, package caches. Not committed. */
export function cacheFolder(name) {
  const folder = join(repository, '.cache', 'bench', name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

const temporary = [];

/**
 * A fresh folder, gone when the bench ends and not before: ext4 searches long for inodes right after many were freed,
 * which would charge the cleaning up after one run to the next one.
 *
 * @param {string} name
 * @param {string} [under] default: the system's temporary folder
 */
export function temporaryFolder(name, under = tmpdir()) {
  const folder = mkdtempSync(join(under, `agentgov-bench-${name}-`));
  temporary.push(folder);
  return folder;
}

/** Removes what `temporaryFolder` gave out, or one of them early. */
export function removeTemporaryFolders(only) {
  for (const folder of only === undefined ? temporary.splice(0) : [only]) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
