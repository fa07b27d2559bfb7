import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lockHolder, lockPath, takeLock } from '../../../src/lock.js';
import { folder, sha256 } from '../audit/logs.js';

const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
const pidns = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
const startOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};

/** A process that does nothing, and what a lock of it would say. */
function other(): { pid: number; text: string; end: () => Promise<void> } {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  onTestFinished(end);
  const pid = child.pid ?? 0;
  return { pid, text: `pid=${pid} start=${startOf(pid)} boot=${boot} pidns=${pidns} nonce=00`, end };
}

describe('the lock', () => {
  it('names its holder while it is held, and leaves nothing behind', async () => {
    const place = folder();
    const log = join(place, 'audit.jsonl');
    const release = await takeLock(log);
    expect(lstatSync(lockPath(log)).isSymbolicLink()).toBe(true);
    expect(await lockHolder(log)).toEqual({ pid: process.pid, start: startOf(process.pid), boot, pidns });
    await expect(takeLock(log)).rejects.toThrow(`${log} is being written by process ${process.pid}`);
    await release();
    expect(readdirSync(place)).toEqual([]);
    await (await takeLock(log))();
  });

  it('belongs to a living process, and to nobody once that was killed', async () => {
    const place = folder();
    const log = join(place, 'audit.jsonl');
    const holder = other();
    symlinkSync(holder.text, lockPath(log));
    expect(await lockHolder(log)).toMatchObject({ pid: holder.pid });
    await expect(takeLock(log)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(`${holder.pid}`),
    });
    await holder.end();
    expect(await lockHolder(log)).toBeUndefined();
    const release = await takeLock(log);
    expect(await lockHolder(log)).toMatchObject({ pid: process.pid });
    await release();
    expect(readdirSync(place)).toEqual([]);
  });

  it.each([
    ['a process of another boot', (text: string) => text.replace(boot, '00000000-0000-4000-8000-000000000000')],
    ['a pid that is used again', (text: string) => text.replace(/start=\d+/, 'start=1')],
  ])('of %s is stale', async (_, change) => {
    const log = join(folder(), 'audit.jsonl');
    symlinkSync(change(other().text), lockPath(log));
    expect(await lockHolder(log)).toBeUndefined();
    await (await takeLock(log))();
  });

  it('of a zombie is stale', async () => {
    const log = join(folder(), 'audit.jsonl');
    // The shell becomes a sleep that never waits for its child, which ends only after that: a shell would reap it.
    const child = 'until grep -q sleep /proc/$PPID/comm; do :; done';
    const parent = spawn('sh', ['-c', 'sh -c "$0" & echo $!; exec sleep 60', child], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    while (!/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1')))
      await new Promise((resolve) => setTimeout(resolve, 5));
    symlinkSync(`pid=${pid} start=${startOf(pid)} boot=${boot} pidns=${pidns} nonce=00`, lockPath(log));
    await (await takeLock(log))();
  });

  it('of a process in another PID namespace stays, with advice', async () => {
    const log = join(folder(), 'audit.jsonl');
    symlinkSync(other().text.replace(/pidns=\d+/, 'pidns=1'), lockPath(log));
    await expect(takeLock(log)).rejects.toThrow(`if that one has ended, remove ${lockPath(log)}`);
    expect(await lockHolder(log)).toBeUndefined();
  });

  it('leaves alone what is no lock', async () => {
    const log = join(folder(), 'audit.jsonl');
    writeFileSync(lockPath(log), 'mine');
    await expect(takeLock(log)).rejects.toThrow('is not a lock of agentgov');
    expect(readFileSync(lockPath(log), 'utf8')).toBe('mine');
  });

  it('has one winner when many find it stale, also where an earlier taker died half-way', async () => {
    const dead = other();
    await dead.end();
    for (let round = 0; round < 50; round += 1) {
      const place = folder();
      const log = join(place, 'audit.jsonl');
      symlinkSync(dead.text, lockPath(log));
      const claim = `${lockPath(log)}.${sha256(dead.text).slice(0, 16)}`;
      if (round % 2 === 1) symlinkSync(dead.text, claim);
      const results = await Promise.allSettled(Array.from({ length: 12 }, () => takeLock(log)));
      const won = results.filter((result) => result.status === 'fulfilled');
      for (const result of results) {
        if (result.status === 'rejected') expect(String(result.reason)).toContain('is being written by process');
      }
      expect(won).toHaveLength(1);
      expect(readdirSync(place)).toEqual(['audit.jsonl.lock']);
      await won[0]?.value();
      expect(existsSync(lockPath(log))).toBe(false);
    }
  });
});
