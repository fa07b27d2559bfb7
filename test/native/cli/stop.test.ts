// Who may stop an agent while the engine of another one hangs: the kernel's own tables decide, and nobody of a tree may.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { agentgov, alive, canary, killTree, type Running, run, scratch, startMonitor } from '../../support/index.js';

const folder = scratch();

const sleeper = ['sh', '-c', 'while :; do sleep 0.2; done'];

async function start(agentId: string, command: string[]): Promise<Running> {
  const monitor = startMonitor(['--', ...command], { agentId });
  onTestFinished(() => {
    const { pid } = monitor.child;
    if (pid === undefined || !alive(pid)) return;
    process.kill(pid, 'SIGCONT');
    killTree(pid);
  });
  await monitor.seen(({ event_type }) => event_type === 'process_exec');
  return monitor;
}

const engineOf = (monitor: Running): number => monitor.child.pid ?? 0;

describe('stop, while another engine hangs', () => {
  it('is obeyed when it comes from outside, and refused when it comes from the tree of the one that hangs', async () => {
    const [hung, other] = [canary(), canary()];
    // The agent of the hung engine waits for a word, then tries to stop the other one.
    const go = join(folder, canary());
    await run(['mkfifo', go]);
    const attempt = `read word < "$0"; "$1" stop "$2" > "$0.said" 2>&1; echo $? > "$0.code"; while :; do sleep 0.2; done`;
    const first = await start(hung, ['sh', '-c', attempt, go, agentgov, other]);
    const second = await start(other, sleeper);
    process.kill(engineOf(first), 'SIGSTOP');
    onTestFinished(() => {
      if (alive(engineOf(first))) process.kill(engineOf(first), 'SIGCONT');
    });

    writeFileSync(go, 'go\n');
    let code = '';
    await expect
      .poll(
        () => {
          try {
            code = readFileSync(`${go}.code`, 'utf8');
          } catch {
            // Not yet.
          }
          return code;
        },
        { timeout: 30_000 },
      )
      .toMatch(/\n$/);
    expect(readFileSync(`${go}.said`, 'utf8')).toContain('A governed process may not control agentgov.');
    expect(code).not.toBe('0\n');
    expect(second.child.exitCode).toBeNull();

    const stop = await run([agentgov, 'stop', other]);
    expect(stop.code, stop.stderr).toBe(0);
    expect((await second.finish()).code).toBe(137);
    process.kill(engineOf(first), 'SIGCONT');
    expect((await run([agentgov, 'stop', hung])).code).toBe(0);
    await first.finish();
  });
});
