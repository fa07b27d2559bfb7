import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
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
 * A fresh folder, gone when the bench ends.
 *
 * @param {string} name
 * @param {string} [under] default: the system's temporary folder
 */
export function temporaryFolder(name, under = tmpdir()) {
  const folder = mkdtempSync(join(under, `agentgov-bench-${name}-`));
  temporary.push(folder);
  return folder;
}

/**
 * The same in memory, for workloads that make many files. On a disk the bench would measure its own cleaning up: ext4
 * shuns inodes that anyone has freed within the last half minute, and to look for others costs more than the files.
 */
export function memoryFolder(name) {
  return temporaryFolder(name, existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
}

/** Removes what `temporaryFolder` gave out, or one of them early. */
export function removeTemporaryFolders(only) {
  for (const folder of only === undefined ? temporary.splice(0) : [only]) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
