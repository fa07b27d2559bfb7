// The Go program of test/native/programs, as the versions of Go build it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

/**
 * Path of the client, built when its source is new. The first program of a version takes half a minute of a processor,
 * and its toolchain 50 to 80 MB of download.
 */
export function goClient(version: string, build: GoBuild = 'stripped'): string {
  const source = programSource('client.go');
  const { flags, cgo } = BUILDS[build];
  const hash = createHash('sha256').update(readFileSync(source)).update(flags.join(' ')).digest('hex').slice(0, 16);
  const folder = join(cache, 'test-programs');
  const target = join(folder, `go-${version}-${build}-${hash}`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const toolchain = fileURLToPath(new URL('go-toolchain.mjs', import.meta.url));
  const root = execFileSync(process.execPath, [toolchain, version], { encoding: 'utf8' }).trim();
  const unfinished = `${target}.${process.pid}`;
  execFileSync(join(root, 'bin', 'go'), ['build', ...flags, '-o', unfinished, source], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      GOROOT: root,
      GOTOOLCHAIN: 'local',
      GOFLAGS: '-mod=mod',
      GO111MODULE: 'off',
      GOCACHE: join(cache, 'go', 'built'),
      GOPATH: join(cache, 'go', 'path'),
      CGO_ENABLED: cgo,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  renameSync(unfinished, target);
  return target;
}
