import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { benchFolder, cacheFolder } from './workspace.mjs';

/**
 * The path of a compiled helper of bench/native, built when its source is newer.
 *
 * @param {'account' | 'syscalls' | 'flood'} name
 */
export function native(name) {
  const source = join(benchFolder, 'native', `${name}.c`);
  const binary = join(cacheFolder('native'), name);
  if (!existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs) {
    execFileSync(process.env.CC ?? 'cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', binary, source], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  return binary;
}
