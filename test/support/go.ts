// The Go program of test/native/programs, as the versions of Go build it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { goBuild } from './go-build.mjs';
import { programSource } from './programs.js';
import { cache } from './repo.js';

/** How a program is linked: its symbols gone, as most are published; all of it there; anywhere in memory; with C. */
const BUILDS = {
  stripped: { flags: ['-ldflags=-s -w'], cgo: '0' },
  whole: { flags: [], cgo: '0' },
  pie: { flags: ['-buildmode=pie', '-ldflags=-s -w'], cgo: '0' },
  'cgo-pie': { flags: ['-buildmode=pie', '-ldflags=-s -w -linkmode=external'], cgo: '1' },
};

export type GoBuild = keyof typeof BUILDS;
export const goBuilds = Object.keys(BUILDS) as GoBuild[];

/** Path of the client, built when its source is new. */
export function goClient(version: string, build: GoBuild = 'stripped'): string {
  const source = programSource('client.go');
  const { flags, cgo } = BUILDS[build];
  const hash = createHash('sha256').update(readFileSync(source)).update(flags.join(' ')).digest('hex').slice(0, 16);
  const target = join(cache, 'test-programs', `go-${version}-${build}-${hash}`);
  if (!existsSync(target)) goBuild(version, source, target, { flags, cgo });
  return target;
}
