// What is left of agentgov's memory when it crashes: nothing. The kernel's own word for it is the core flag of wait(2).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findLoader } from '../../src/bpf/index.js';
import { agentgov, canary, monitored, run, scratch } from '../support/index.js';

const folder = scratch();

/** Starts `argv`, kills `victim(child)` with `signal` once it has said something, and prints whether it left a core. */
const CRASH = `
import os, resource, signal, subprocess, sys, time
resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
os.kill(child.pid, int(sys.argv[1]))
print(os.WCOREDUMP(os.waitpid(child.pid, 0)[1]))`;

const leavesCore = async (signal: 'SIGSEGV' | 'SIGABRT', argv: string[]): Promise<boolean> => {
  const { code, stdout, stderr } = await run(
    ['python3', '-c', CRASH, String({ SIGSEGV: 11, SIGABRT: 6 }[signal]), ...argv],
    { cwd: folder },
  );
  expect(code, stderr).toBe(0);
  return stdout.toString().trim() === 'True';
};

describe('a crash leaves no core', () => {
  it('where another program would leave one', async () => {
    expect(await leavesCore('SIGSEGV', ['sh', '-c', 'echo; exec sleep 9'])).toBe(true);
  });

  it('of the loader', async () => {
    expect(await leavesCore('SIGSEGV', [findLoader(), 'run', '--agent-id', canary()])).toBe(false);
  });

  it('of the engine', async () => {
    const engine = [agentgov, 'monitor', '--output-file', `${folder}/${canary()}`, '--agent-id', canary()];
    const argv = [...engine, '--capture-tls', '--output', 'jsonl', '--', 'sleep', '2'];
    expect(await leavesCore('SIGABRT', argv)).toBe(false);
  });
});

it('the engine has no mapping dumped, and the command has the limit and the filter that the user gave it', async () => {
  const of = (process: string): string =>
    `cat /proc/${process}/coredump_filter; prlimit --raw --noheadings --output=SOFT --core --pid ${process}`;
  const told = join(folder, canary());
  const asked = `ulimit -c 4096; echo 0x7 > /proc/self/coredump_filter; exec "$@"`;
  await monitored(['sh', '-c', `(${of('$PPID')}; ${of('$$')}) > ${told}`], {
    under: ['bash', '-c', asked, 'bash'],
  });
  expect(readFileSync(told, 'utf8').split(/\s+/)).toEqual(['00000000', '1', '00000007', String(4096 * 1024), '']);
});

it('is not made by Node either: what would write its memory to disk is refused', async () => {
  const env = { ...process.env, NODE_OPTIONS: '--heapsnapshot-signal=SIGUSR2' };
  const { code, stderr } = await run([agentgov, 'monitor', '--capture-tls', '--', 'true'], { env });
  expect(code).toBe(2);
  expect(stderr).toMatch(/--heapsnapshot-signal makes Node write/);
});
