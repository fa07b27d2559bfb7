import { describe, expect, it, vi } from 'vitest';
import { type LogFile, Outbox } from '../../../src/audit/outbox.js';

/** A file in memory that fails on demand, as disks do. */
class Disk {
  content = '';
  /** What fdatasync has secured. */
  durable = '';
  room = Number.POSITIVE_INFINITY;
  broken: 'write' | 'sync' | undefined;
  canTruncate = true;
  writes = 0;
  syncs = 0;

  readonly file = {
    write: async (chunk: Buffer, from: number) => {
      this.writes += 1;
      if (this.broken === 'write') throw new Error('EIO');
      // A disk takes what fits, and only the next call fails.
      const taken = Math.min(chunk.length - from, this.room - this.content.length);
      if (taken <= 0) throw new Error('ENOSPC');
      this.content += chunk.toString('latin1', from, from + taken);
      return { bytesWritten: taken, buffer: chunk };
    },
    datasync: async () => {
      this.syncs += 1;
      if (this.broken === 'sync') throw new Error('EIO');
      this.durable = this.content;
    },
    stat: async () => ({ size: this.content.length }),
    truncate: async (size: number) => {
      if (!this.canTruncate) throw new Error('EPERM');
      this.content = this.content.slice(0, size);
    },
  } as unknown as LogFile;
}

function outboxOn(disk: Disk) {
  const outbox = new Outbox(disk.file, disk.content.length);
  const told: string[] = [];
  outbox.onFailure = (error) => told.push(error.message);
  outbox.onRecovered = () => told.push('recovered');
  return { outbox, told };
}

const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index} ${'.'.repeat((from + index) % 50)}`);
const text = (all: string[]): string => all.map((line) => `${line}\n`).join('');
const soon = <Value>(check: () => Value) => vi.waitFor(check, { timeout: 3000, interval: 20 });

describe('the outbox', () => {
  it('writes in order, in few writes, and makes it durable by itself', async () => {
    const disk = new Disk();
    disk.content = 'before\n';
    const { outbox, told } = outboxOn(disk);
    const all = lines(0, 30_000);
    for (const line of all) outbox.push(line);
    expect(outbox.pendingBytes).toBe(text(all).length);
    await outbox.flush();
    expect(outbox.pendingBytes).toBe(0);
    expect(disk.content).toBe(`before\n${text(all)}`);
    expect(disk.writes).toBeLessThan(10);
    await soon(() => expect(disk.durable).toBe(disk.content));
    expect(await outbox.close()).toBe(0);
    expect(told).toEqual([]);
  });

  it('has written what was taken before a flush, at whatever moment an earlier one ends', async () => {
    for (let steps = 0; steps < 60; steps += 1) {
      const disk = new Disk();
      const { outbox } = outboxOn(disk);
      outbox.push('first');
      void outbox.flush();
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
      outbox.push('second');
      await outbox.flush();
      expect([steps, disk.content]).toEqual([steps, 'first\nsecond\n']);
      await outbox.close();
    }
  });

  it('makes each write durable at once when it is told to', async () => {
    const disk = new Disk();
    const outbox = new Outbox(disk.file, 0, 0);
    for (const line of ['one', 'two', 'three']) {
      outbox.push(line);
      await outbox.flush();
      expect(disk.durable).toBe(disk.content);
    }
    expect(disk.syncs).toBe(3);
    await outbox.close();
  });

  it('writes a single line without being asked', async () => {
    const disk = new Disk();
    const { outbox } = outboxOn(disk);
    outbox.push('one');
    await soon(() => expect(disk.durable).toBe('one\n'));
    outbox.push('two');
    await soon(() => expect(disk.durable).toBe('one\ntwo\n'));
    await outbox.close();
  });

  it.each([true, false])(
    'goes on behind what is in the file when a disk was full (it can be cut: %s)',
    async (canTruncate) => {
      const disk = new Disk();
      Object.assign(disk, { room: 1000, canTruncate });
      const { outbox, told } = outboxOn(disk);
      const first = lines(0, 100);
      for (const line of first) outbox.push(line);
      await outbox.flush();
      await soon(() => expect(told).toEqual(['ENOSPC']));
      expect(text(first).startsWith(disk.content)).toBe(true);
      expect(disk.content.length).toBeGreaterThan(900);
      expect(disk.content.endsWith('\n')).toBe(canTruncate);
      const second = lines(100, 200);
      for (const line of second) outbox.push(line);
      await new Promise((resolve) => setTimeout(resolve, 700));
      // Told once, however often it is tried again.
      expect(told).toEqual(['ENOSPC']);
      disk.room = Number.POSITIVE_INFINITY;
      await soon(() => expect(told).toEqual(['ENOSPC', 'recovered']));
      expect(disk.durable).toBe(text([...first, ...second]));
      disk.room = disk.content.length;
      outbox.push('third');
      await soon(() => expect(told).toEqual(['ENOSPC', 'recovered', 'ENOSPC']));
      expect(await outbox.close()).toBe(1);
      expect(disk.content).toBe(text([...first, ...second]));
    },
  );

  it('writes again what a failed fdatasync left in doubt', async () => {
    const disk = new Disk();
    const { outbox, told } = outboxOn(disk);
    outbox.push('safe');
    await soon(() => expect(disk.durable).toBe('safe\n'));
    disk.broken = 'sync';
    outbox.push('in doubt');
    await soon(() => expect(told).toEqual(['EIO']));
    expect(disk.content).toBe('safe\n');
    const writes = disk.writes;
    disk.broken = undefined;
    await soon(() => expect(told).toEqual(['EIO', 'recovered']));
    expect(disk.writes).toBeGreaterThan(writes);
    expect(disk.durable).toBe('safe\nin doubt\n');
    expect(await outbox.close()).toBe(0);
  });

  it('does not cut a file that somebody else has changed', async () => {
    const disk = new Disk();
    disk.room = 10;
    const { outbox } = outboxOn(disk);
    outbox.push('longer than ten');
    const stat = disk.file.stat;
    disk.file.stat = (async () => ({ size: 5 })) as unknown as typeof stat;
    await outbox.flush();
    expect(disk.content).toBe('longer tha');
    disk.room = 100;
    expect(await outbox.close()).toBe(0);
    expect(disk.content).toBe('longer than ten\n');
  });

  it('is full only while writing fails and 16 MiB wait', async () => {
    const disk = new Disk();
    const { outbox } = outboxOn(disk);
    const line = 'x'.repeat(2 ** 20);
    for (let index = 0; index < 20; index += 1) outbox.push(line);
    expect(outbox.full).toBe(false);
    disk.broken = 'write';
    await outbox.flush();
    expect(outbox.full).toBe(true);
    disk.broken = undefined;
    await soon(() => expect(outbox.full).toBe(false));
    expect(await outbox.close()).toBe(0);
    expect(disk.content.length).toBe(20 * (2 ** 20 + 1));
  });

  it('gives up at close after one attempt and says how many lines are missing', async () => {
    const disk = new Disk();
    disk.broken = 'write';
    const { outbox, told } = outboxOn(disk);
    for (const line of lines(0, 7)) outbox.push(line);
    expect(await outbox.close()).toBe(7);
    expect(told).toEqual(['EIO']);
    expect(outbox.failure?.message).toBe('EIO');
    const { writes } = disk;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(disk.writes).toBe(writes);
  });
});
