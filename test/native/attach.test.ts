// Attaching to a tree that is forking as fast as it can: between the scan and the hooks nobody slips through.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { evidence } from '../evidence.js';
import { scaled } from '../scale.js';
import { canary, type Event, program, scratch, startMonitor } from '../support/index.js';

const folder = scratch();

/** One process as it described itself (struct slot in programs/forker.c). */
interface Slot {
  index: number;
  pid: number;
  ppid: number;
  kind: number;
  opened: number;
  ticks: number;
  bornUs: number;
  beforeUs: number;
  afterUs: number;
}

const controlSize = 64;
const slotSize = 48;

function readSlots(file: string): Slot[] {
  const bytes = readFileSync(file);
  const used = Math.min(bytes.readUInt32LE(4), Math.floor((bytes.length - controlSize) / slotSize));
  const microseconds = (at: number): number => Number(bytes.readBigUInt64LE(at) / 1000n);
  return Array.from({ length: used }, (_, index) => {
    const at = controlSize + index * slotSize;
    return {
      index,
      pid: bytes.readUInt32LE(at),
      ppid: bytes.readUInt32LE(at + 4),
      kind: bytes.readUInt32LE(at + 8),
      opened: bytes.readInt32LE(at + 12),
      ticks: Number(bytes.readBigUInt64LE(at + 16)),
      bornUs: microseconds(at + 24),
      beforeUs: microseconds(at + 32),
      afterUs: microseconds(at + 40),
    };
  });
}

const identity = (pid: number, ticks: number): string => `${pid} ${ticks}`;
const identityOf = (event: Event): string => identity(event.pid, Math.floor((event.start_us ?? 0) / 10_000));

/** Tells the forker's loop to end. */
function stop(shared: string): void {
  const file = openSync(shared, 'r+');
  writeSync(file, Buffer.from([1]), 0, 1, 0);
  closeSync(file);
}

const ORPHAN = 4;

/**
 * An orphan whose parent was gone before agentgov had seen anything is nobody's child any more: no attach can know whose it
 * was. One whose parent ended later must be followed.
 */
function hasParent(slot: Slot, slots: readonly Slot[], firstSeen: number): boolean {
  if (slot.kind !== ORPHAN) return true;
  const parents = slots.filter(({ pid, bornUs }) => pid === slot.ppid && bornUs <= slot.bornUs);
  return parents.some(({ afterUs }) => afterUs > firstSeen);
}

async function attachOnce(round: number): Promise<{ processes: number; alive: number }> {
  const shared = join(folder, `shared-${round}`);
  const marks = join(folder, canary());
  mkdirSync(marks);
  const forker = spawn(program('forker'), [shared, marks, '100000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(forker.stdout, 'data');
  try {
    // The loop runs while agentgov starts, scans and attaches.
    const monitor = startMonitor(['--pid', String(forker.pid)]);
    const start = await monitor.seen(({ event_type }) => event_type === 'session_start');
    await monitor.seen(({ event_type }) => event_type === 'process_fork');
    await sleep(700);
    stop(shared);
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);

    const slots = readSlots(shared);
    expect(slots.filter(({ opened }) => opened !== 0)).toEqual([]);
    // session_start is written when governing is complete: from there on nobody may be missed.
    const from = start.ts_us ?? Number.NaN;
    expect(from).toBeGreaterThan(0);
    const kernelTimes = session.events.filter(({ pid, preexisting }) => pid !== start.pid && !preexisting);
    const firstSeen = Math.min(...kernelTimes.map(({ ts_us }) => ts_us ?? Number.POSITIVE_INFINITY));
    const traceable = slots.filter((slot) => hasParent(slot, slots, firstSeen));

    const opens = new Map(
      session.events.filter(({ path }) => path?.startsWith(`${marks}/`)).map((event) => [event.path, event] as const),
    );
    const owed = traceable.filter(({ beforeUs }) => beforeUs > from);
    const missed = owed.filter(({ index, pid, ticks }) => {
      const event = opens.get(`${marks}/${index}`);
      return !event || identityOf(event) !== identity(pid, ticks);
    });
    expect(missed, `of ${owed.length}, governed from ${from}, first seen ${firstSeen}`).toEqual([]);

    const forks = new Map<string, Event>();
    const exits = new Set<string>();
    for (const event of session.events) {
      if (event.event_type === 'process_fork') forks.set(identityOf(event), event);
      if (event.event_type === 'process_exit') exits.add(identityOf(event));
    }
    // By the kernel's start of the child, which comes before the fork is seen; its first instruction may come any time later.
    const born = traceable.filter(({ ticks }) => ticks * TICK_US > from);
    expect(born.filter(({ pid, ticks, ppid }) => forks.get(identity(pid, ticks))?.ppid !== ppid)).toEqual([]);
    expect(owed.filter(({ pid, ticks }) => !exits.has(identity(pid, ticks)))).toEqual([]);

    const members = new Set([forker.pid, ...slots.map(({ pid }) => pid)]);
    expect(session.events.filter(({ pid }) => pid !== start.pid && !members.has(pid))).toEqual([]);
    const across = traceable.filter(({ bornUs, afterUs }) => bornUs < from && afterUs > from);
    return { processes: slots.length, alive: across.length };
  } finally {
    // Also when the test failed: it ends when the last of its children has ended.
    stop(shared);
    if (forker.exitCode === null && forker.signalCode === null) await once(forker, 'exit');
  }
}

/** Of /proc/PID/stat's times: USER_HZ is 100 wherever Node runs. */
const TICK_US = 10_000;

describe('attaching to a running tree', () => {
  const rounds = scaled(20);

  it(
    `misses nobody while a thread forks in a tight loop (${rounds} rounds)`,
    async () => {
      let processes = 0;
      let alive = 0;
      for (let round = 0; round < rounds; round++) {
        const counted = await attachOnce(round);
        processes += counted.processes;
        alive += counted.alive;
      }
      // Else the test attached to a tree that stood still.
      expect(alive).toBeGreaterThan(0);
      evidence('attach', { rounds, processes, alive_across_the_attach: alive, missed: 0 });
    },
    rounds * 60_000,
  );
});
