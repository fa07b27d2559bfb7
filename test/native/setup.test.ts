// bin/setup where it cannot do what is needed: it says so in one line and changes nothing.
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

describe('bin/setup', () => {
  let tools: string;
  beforeAll(() => {
    tools = mkdtempSync(join(tmpdir(), 'agentgov-setup-'));
    chmodSync(tools, 0o755);
    // A checkout may lie where only its owner can read.
    mkdirSync(join(tools, 'bin'));
    copyFileSync(join(root, 'bin/setup'), join(tools, 'bin/setup'));
  });
  afterAll(() => rmSync(tools, { recursive: true, force: true }));

  const tool = (name: string, script: string) =>
    writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const setup = (args: string[], path: string) =>
    execa('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', join(tools, 'bin/setup'), ...args], {
      env: { PATH: path },
      reject: false,
    });

  it('names the exact command when a package is missing and it is not root', async () => {
    // As dpkg-query answers on a machine where nothing but strace is missing.
    tool('dpkg-query', 'for last; do :; done; [ "$last" = strace ] && exit 1; printf "ii "');
    const { exitCode, stdout, stderr } = await setup(['--test'], `${tools}:${process.env.PATH}`);
    expect(stderr).toBe('setup: packages are missing; run: sudo apt-get install -y --no-install-recommends strace');
    expect([exitCode, stdout]).toEqual([1, '']);
  });

  it('asks for a newer Node.js', async () => {
    symlinkSync('/bin/true', join(tools, 'npm'));
    tool('node', '[ "$1" = --version ] && echo v18.20.4; exit 1');
    const { exitCode, stderr } = await setup([], `${tools}:/usr/bin:/bin`);
    expect([exitCode, stderr]).toEqual([1, 'setup: Node.js 20.19 or newer is needed, this is v18.20.4']);
  });

  it('takes no other argument', async () => {
    const { exitCode, stderr } = await setup(['--everything'], process.env.PATH ?? '');
    expect([exitCode, stderr]).toEqual([1, "setup: unknown argument '--everything'; usage: bin/setup [--test]"]);
  });
});
