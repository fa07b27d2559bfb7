// Bun, as its publisher builds it: a program with BoringSSL inside and no symbols.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './repo.js';

/**
 * Path of the program, fetched once from the package registry (40 to 50 MB) and kept in the cache.
 * @throws Error when it is not there and cannot be fetched.
 */
export function bunProgram(version: string): string {
  const folder = join(cache, 'bun');
  const program = join(folder, `bun-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const draft = mkdtempSync(join(folder, 'new-'));
  try {
    const name = `@oven/bun-linux-x64-baseline@${version}`;
    const words = ['pack', '--silent', '--pack-destination', draft, name];
    const file = execFileSync('npm', words, { cwd: draft, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
    execFileSync('tar', ['-xzf', join(draft, file), '-C', draft, 'package/bin/bun']);
    renameSync(join(draft, 'package', 'bin', 'bun'), program);
  } catch (cause) {
    throw new Error(`Bun ${version} is not in ${folder} and could not be fetched from the package registry`, { cause });
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return program;
}
