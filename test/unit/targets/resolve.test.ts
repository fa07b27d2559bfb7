import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readProcess, resolveTarget } from '../../../src/targets/index.js';

const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), 'agentgov-targets-'));
const unique = `agent-${process.pid}-${Date.now()}`;

/** A process that is known by `name`: a copy of sleep, or a script of node. */
async function start(name: string): Promise<number> {
  const path = join(folder, name);
  let child: ChildProcess;
  if (name.endsWith('.mjs')) {
    writeFileSync(path, 'setInterval(() => {}, 1000); process.stdout.write("up");');
    child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
  } else {
    copyFileSync(realpathSync('/bin/sleep'), path);
    child = spawn(path, ['60'], { stdio: 'ignore' });
    await new Promise((resolve) => child.once('spawn', resolve));
  }
  children.push(child);
  return child.pid ?? 0;
}
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const rejects = async (promise: Promise<unknown>, message: RegExp): Promise<void> => {
  await expect(promise).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
};

describe('--pid', () => {
  it('takes several, in one word or many, each once', async () => {
    const a = await start(`${unique}-a`);
    const b = await start(`${unique}-b.mjs`);
    const target = await resolveTarget({ pid: [`${a}\n${b}\n`, String(a)] }, undefined);
    expect(target).toMatchObject({ kind: 'processes', agentId: `${unique}-a`, roots: [{ pid: a }, { pid: b }] });
    expect(await resolveTarget({ pid: [String(b)] }, undefined)).toMatchObject({ agentId: `${unique}-b.mjs` });
  });

  it.each([
    ['nothing', true, /needs at least one pid/],
    ['an empty word', [''], /needs at least one pid/],
    ['a word', ['claude'], /"claude" is none/],
    ['zero', ['0'], /"0" is none/],
    ['a negative number', ['-1'], /"-1" is none/],
    ['more than Linux has', ['4194305'], /is none/],
    ['a fraction', ['1.5'], /is none/],
    ['hex', ['0x10'], /is none/],
    ['a number with rubbish', ['12abc'], /is none/],
  ] as const)('refuses %s', async (_name, words, message) => {
    await rejects(resolveTarget({ pid: words === true ? true : [...words] }, undefined), message);
  });

  it('refuses a process that is not there, is over, or is agentgov itself', async () => {
    await rejects(resolveTarget({ pid: ['4194303'] }, undefined), /no process 4194303/);
    await rejects(resolveTarget({ pid: [String(process.pid)] }, undefined), /agentgov itself/);
    await rejects(resolveTarget({ pid: [String(process.ppid)] }, undefined), /agentgov itself or one of its ancestors/);
    // `sleep` never asks after the child that it inherited.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(parent);
    const zombie = await new Promise<string>((resolve) =>
      parent.stdout?.once('data', (text) => resolve(String(text).trim())),
    );
    await expect.poll(() => readFileSync(`/proc/${zombie}/stat`, 'latin1'), { timeout: 5000 }).toMatch(/\) Z /);
    await rejects(resolveTarget({ pid: [zombie] }, undefined), /There is no process/);
  });
});

describe('--name', () => {
  it('finds a process by the base name of its executable or its script, not by comm', async () => {
    const a = await start(`${unique}-exe`);
    expect(await resolveTarget({ name: `${unique}-e*` }, undefined)).toMatchObject({ roots: [{ pid: a }] });
    const b = await start(`${unique}-script.mjs`);
    expect(await resolveTarget({ name: `${unique}-script.mjs` }, undefined)).toMatchObject({ roots: [{ pid: b }] });
    const liar = spawn(
      process.execPath,
      [
        '-e',
        `require("fs").writeFileSync("/proc/self/comm", "${unique}".slice(-15)); setInterval(() => {}, 1000); console.log(1)`,
      ],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    children.push(liar);
    await new Promise((resolve) => liar.stdout?.once('data', resolve));
    await rejects(resolveTarget({ name: unique.slice(-15) }, undefined), /No process is called/);
  });

  it('lists several matches, and takes them with --all', async () => {
    const a = await start(`${unique}-twin`);
    const b = await start(`${unique}-twin2`);
    await rejects(
      resolveTarget({ name: `${unique}-twin*` }, undefined),
      new RegExp(`^2 processes are called .*--all:\n  ${a}  .*twin 60\n  ${b}  `, 's'),
    );
    const target = await resolveTarget({ name: `${unique}-twin*`, all: true }, undefined);
    expect(target).toMatchObject({ roots: [{ pid: a }, { pid: b }] });
  });

  it('counts a process and its matching descendants as one', async () => {
    const path = join(folder, `${unique}-parent.mjs`);
    writeFileSync(
      path,
      'if (!process.argv[2]) { (await import("node:child_process")).spawn(process.execPath, [process.argv[1], "child"], { stdio: "inherit" }); } else console.log(1); setInterval(() => {}, 1000);',
    );
    const parent = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
    await new Promise((resolve) => parent.stdout?.once('data', resolve));
    const target = await resolveTarget({ name: `${unique}-parent.mjs` }, undefined);
    expect(target).toMatchObject({ roots: [{ pid: parent.pid }] });
    process.kill(-(parent.pid ?? 0), 'SIGKILL');
  });

  it('waits for the first one with --wait, and gives up when asked to', async () => {
    const waiting = resolveTarget({ name: `${unique}-later`, wait: true }, undefined);
    setTimeout(() => void start(`${unique}-later`), 300);
    expect(await waiting).toMatchObject({ agentId: `${unique}-later` });
    const abort = new AbortController();
    const endless = resolveTarget({ name: `${unique}-never`, wait: true }, undefined, abort.signal);
    abort.abort();
    await expect(endless).rejects.toThrow(/abort/i);
  });

  it.each([
    ['', /needs a pattern/],
    ['/usr/bin/node', /base name/],
    ['no-such-agent-anywhere', /No process is called "no-such-agent-anywhere"/],
  ])('refuses %j', async (name, message) => {
    await rejects(resolveTarget({ name }, undefined), message);
  });
});

describe('the choice of a target', () => {
  it('is exactly one', async () => {
    await rejects(resolveTarget({}, undefined), /Say whom to govern/);
    await rejects(resolveTarget({ pid: ['1'] }, ['true']), /not several/);
    await rejects(resolveTarget({ pid: ['1'], name: 'x' }, undefined), /not several/);
    await rejects(resolveTarget({}, []), /no command behind/);
    await rejects(resolveTarget({ pid: ['1'], all: true }, undefined), /belong to --name/);
  });

  it('takes a command as it stands', async () => {
    const command = ['node', '/x/agent.mjs', '--', '--pid'];
    expect(await resolveTarget({}, command)).toEqual({ kind: 'command', command, agentId: 'agent.mjs' });
  });
});

describe('readProcess', () => {
  it('reads a process, and nothing of a thread or of nobody', () => {
    expect(readProcess(process.pid)).toMatchObject({ pid: process.pid, ppid: process.ppid, exe: process.execPath });
    expect(readProcess(4_194_303)).toBeUndefined();
  });
});
