import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { benchFolder, memoryFolder, temporaryFolder } from '../harness/index.mjs';

const project = join(benchFolder, 'projects', 'express');

export const npmProjectText =
  'npm ci --offline of the 403 packages of an Express 4.21.2 checkout, cache warm, into a fresh folder each time';

/**
 * Warms a package cache of the bench's own once, and gives the workload.
 *
 * @param {string} folder where the cache may stay between runs
 * @returns {Promise<() => {argv: string[], cwd: string}>} call it before each run
 */
export async function freshNpmProject(folder) {
  const cache = join(folder, 'cache');
  const lock = join(folder, 'package-lock.json');
  if (!existsSync(lock)) await warm(cache, lock);
  const runs = memoryFolder('npm-ci');
  let run = 0;
  return () => {
    rmSync(join(runs, String(run)), { recursive: true, force: true });
    const cwd = join(runs, String(++run));
    mkdirSync(cwd);
    copyFileSync(join(project, 'package.json'), join(cwd, 'package.json'));
    copyFileSync(lock, join(cwd, 'package-lock.json'));
    return { argv: ['npm', 'ci', '--offline', ...quiet, '--cache', cache], cwd };
  };
}

/** No scripts of packages, and no calls home: only the work of npm itself. */
const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

/**
 * Installs once from the network. The committed lock names no host; a user's lock does, and without addresses npm takes
 * another, longer way through its cache: so the copy that is measured gets them, in the form that registries share.
 */
async function warm(cache, lock) {
  const npm = promisify(execFile);
  const cwd = temporaryFolder('npm-warm');
  const registry = (await npm('npm', ['config', 'get', 'registry'], { cwd })).stdout.trim();
  const content = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
  for (const [path, entry] of Object.entries(content.packages)) {
    if (path) entry.resolved = tarball(registry, entry.name ?? path.split('node_modules/').at(-1), entry.version);
  }
  copyFileSync(join(project, 'package.json'), join(cwd, 'package.json'));
  writeFileSync(join(cwd, 'package-lock.json'), JSON.stringify(content, null, 2));
  await npm('npm', ['ci', ...quiet, '--cache', cache], { cwd });
  // Last, for its presence says that the cache is whole.
  copyFileSync(join(cwd, 'package-lock.json'), lock);
}

function tarball(registry, name, version) {
  return `${registry.replace(/\/$/, '')}/${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
}
