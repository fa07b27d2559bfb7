// The sink has standard output to itself, so it is tested in a process of its own.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'tsup';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { repo } from '../../support/repo.js';
import { newPath } from './paths.js';

vi.setConfig({ testTimeout: 30_000 });

let program: string;
beforeAll(async () => {
  const folder = newPath();
  mkdirSync(folder);
  await build({
    config: false,
    entry: { sink: join(repo, 'src/engine/sink.ts') },
    format: 'esm',
    outDir: folder,
    outExtension: () => ({ js: '.mjs' }),
    silent: true,
  });
  // Writes 4 MB and says on stderr how often a timer of 10 ms came through meanwhile, and how it ended.
  program = `import { openStdout } from ${JSON.stringify(join(folder, 'sink.mjs'))};
    let ticks = 0;
    const timer = setInterval(() => { ticks++; }, 10);
    const sink = openStdout();
    let text = 'all';
    try { await sink.write(Buffer.alloc(4 << 20, 'x')); } catch (error) { text = error.code; }
    clearInterval(timer);
    sink.close();
    process.stderr.write(text + ' ' + ticks);`;
}, 60_000);

/** Runs the program with its stdout as a shell makes it. */
function run(shell: string): Promise<{ stdout: number; stderr: string }> {
  const child = spawn('/bin/sh', ['-c', shell, 'sh', process.execPath, program], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = 0;
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.length;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => {
    child.once('close', () => resolve({ stdout, stderr }));
  });
}
const NODE = '"$1" --input-type=module -e "$2"';

describe('standard output', () => {
  it.each([
    ['a pipe', `${NODE} | cat`],
    ['a pipe that is read late', `${NODE} | (sleep 1; cat)`],
    ['a socket', NODE],
    ['a terminal', `script -qec '${process.execPath} --input-type=module -e "$PROGRAM"' /dev/null`],
  ])('takes everything when it is %s', async (name, shell) => {
    const { stdout, stderr } = await run(name === 'a terminal' ? `export PROGRAM="$2"; ${shell}` : shell);
    expect(stdout).toBeGreaterThanOrEqual(4 << 20);
    if (name !== 'a terminal') expect(stderr).toMatch(/^all \d+$/);
    // The process was not held up while the reader slept.
    if (name.includes('late')) expect(Number(stderr.split(' ')[1])).toBeGreaterThan(40);
  });

  it('takes everything when it is a file', async () => {
    const path = newPath();
    expect((await run(`${NODE} > ${path}`)).stderr).toMatch(/^all/);
    expect(readFileSync(path).length).toBe(4 << 20);
  });

  it.each([
    ['a pipe without a reader', `${NODE} | true`, 'EPIPE'],
    ['a full device', `${NODE} > /dev/full`, 'ENOSPC'],
  ])('says so when it is %s', async (_name, shell, code) => {
    expect((await run(shell)).stderr).toMatch(new RegExp(`^${code}`));
  });
});
