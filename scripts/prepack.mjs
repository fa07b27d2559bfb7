// Runs before `npm pack` and `npm publish`: builds everything and puts the loader where an installed package has it, so
// that a user needs no compiler. The package holds the loaders of every architecture that is found under prebuilt/; this
// machine's is always made new.
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'prebuilt', `linux-${process.arch}`, 'agentgov-loader');

await execa('npm', ['run', 'build'], { cwd: root, stdout: process.stderr, stderr: 'inherit' });
mkdirSync(dirname(target), { recursive: true });
// Its symbols are for developers, who have a build of their own.
await execa('strip', ['-o', target, join(root, 'bpf/build/agentgov-loader')]);
chmodSync(target, 0o755);
