import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../vm/places.mjs';

/**
 * Builds a Go program of one file. The first program of a version takes half a minute of a processor, and its toolchain
 * 50 to 80 MB of download.
 */
export function goBuild(version, source, target, { flags = ['-ldflags=-s -w'], cgo = '0' } = {}) {
  mkdirSync(dirname(target), { recursive: true });
  const toolchain = fileURLToPath(new URL('go-toolchain.mjs', import.meta.url));
  const root = execFileSync(process.execPath, [toolchain, version], { encoding: 'utf8' }).trim();
  const cache = cacheFolder('go');
  const unfinished = `${target}.${process.pid}`;
  execFileSync(join(root, 'bin', 'go'), ['build', ...flags, '-o', unfinished, source], {
    env: {
      PATH: process.env.PATH,
      HOME: dirname(target),
      GOROOT: root,
      GOTOOLCHAIN: 'local',
      GOFLAGS: '-mod=mod',
      GO111MODULE: 'off',
      GOCACHE: join(cache, 'built'),
      GOPATH: join(cache, 'path'),
      CGO_ENABLED: cgo,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  renameSync(unfinished, target);
}
