import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repository, workloadEnvironment } from '../../bench/harness/index.mjs';

/** The evaluation's own folder, with a trailing slash. */
export const evalFolder = fileURLToPath(new URL('..', import.meta.url));

/** What is worth keeping between runs: recordings, packages of npm. Not committed. */
export function cacheFolder(...names) {
  const folder = join(repository, '.cache', 'eval', ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * The home folder of the user whom the workloads work for. Below /home, because rules treat home folders as such, and
 * with the same name at each run, because a user's is.
 */
export const home = '/home/agentgov-eval';

/** Says that the evaluation has made the folder, and may remove it. */
const mark = join(home, '.made-by-eval');

/** An empty home folder. @throws {Error} where there is one that is somebody's. */
export function freshHome() {
  if (existsSync(home) && !existsSync(mark))
    throw new Error(`${home} is in use: the evaluation works in a folder of this name`);
  removeHome();
  mkdirSync(home);
  writeFileSync(mark, '');
  for (const name of ['.ssh', '.aws', 'work']) mkdirSync(join(home, name), { recursive: true, mode: 0o700 });
}

/** Takes the home folder away. */
export const removeHome = () => rmSync(home, { recursive: true, force: true, maxRetries: 3 });

/** As the user has it who works there. */
export const homeEnvironment = (extra = {}) => workloadEnvironment({ HOME: home, ...extra });

/** Digest of files and folders of the checkout, by name and content. */
export function digestOf(paths) {
  const hash = createHash('sha256');
  const add = (path) => {
    if (statSync(join(repository, path)).isDirectory()) {
      for (const name of readdirSync(join(repository, path)).sort()) add(join(path, name));
      return;
    }
    hash.update(`${path}\0`).update(readFileSync(join(repository, path)));
  };
  for (const path of paths) add(path);
  return hash.digest('hex').slice(0, 16);
}
