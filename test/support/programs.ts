// Builds the helper programs of test/native/programs when they are first asked for.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { cache, repo } from './repo.js';

const sources = join(repo, 'test', 'native', 'programs');
const built = join(cache, 'test-programs');

/** Linked so that they open nothing that the test does not know of. */
const alone = new Set(['syscalls', 'flood']);

/** Path of the helper program NAME, compiled from programs/NAME.c if that, or what it includes, is new. */
export function program(name: string): string {
  const source = join(sources, `${name}.c`);
  const flags = ['-O2', '-g', '-Wall', '-Wextra', '-Werror', '-pthread', ...(alone.has(name) ? ['-static'] : [])];
  const hash = createHash('sha256').update(flags.join(' '));
  for (const part of [source, join(sources, 'common.h')]) hash.update(readFileSync(part));
  const target = join(built, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(target)) {
    mkdirSync(built, { recursive: true });
    const unfinished = `${target}.${process.pid}`;
    execFileSync('clang', [...flags, source, '-o', unfinished], { stdio: ['ignore', 'inherit', 'inherit'] });
    renameSync(unfinished, target);
  }
  return target;
}

/** Path of a helper that is run as it is (Python, JavaScript). */
export function programSource(file: string): string {
  return join(sources, file);
}

/** The lines of a record that a helper wrote (programs/common.h), as words. */
export function readRecord(file: string): string[][] {
  const lines = readFileSync(file, 'utf8').split('\n');
  if (lines.pop() !== '') throw new Error(`${file} ends within a line`);
  return lines.map((line) => line.split(' '));
}
