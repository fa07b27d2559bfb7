// A flood of opens: what the generator counted is in the log, as an event, a count or a loss, to the last one.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { evidence, type Figure } from '../evidence.js';
import { isFull, scaled } from '../scale.js';
import { canary, eachEvent, memory, program, readRecord, scratch, startMonitor, verify } from '../support/index.js';

const processes = 4;
// Creating a million files is no part of the test: in memory it takes seconds.
const folder = scratch(memory);

interface Account {
  /** Opens that the generator did, every one of them. */
  done: number;
  events: number;
  /** Sum of the counts of folded repeats. */
  folded: number;
  /** Sum of what the log says was lost of files, and of anything else. */
  lostFiles: number;
  lostOther: number;
  seconds: number;
}

const fileTypes = new Set([
  'file_open',
  'file_create',
  'file_delete',
  'file_truncate',
  'file_attr',
  'file_rename',
  'file_link',
]);

/** Makes the files, floods them under `monitor`, and accounts for each open. An invented event fails here. */
async function flood(opens: number, rounds: number, rate: number, env: NodeJS.ProcessEnv = {}): Promise<Account> {
  const files = join(folder, canary());
  const recordFile = join(folder, `${canary()}.record`);
  mkdirSync(files);
  execFileSync(program('flood'), ['make', files, String(processes), String(opens)]);
  const logFile = join(folder, canary(), 'audit.jsonl');
  mkdirSync(join(logFile, '..'));
  const generator = [program('flood'), 'open', recordFile, files, String(processes), String(opens), String(rounds)];
  const monitor = startMonitor(['--', ...generator, String(rate)], {
    logFile,
    env: { ...process.env, ...env },
    timeout: 600_000,
    // The log is what is judged; a million lines on a pipe would only measure the reader.
    discardOutput: true,
  });
  const ended = await monitor.ended;
  expect(ended.code, ended.stderr).toBe(0);
  const verdict = await verify(logFile);
  expect(verdict).toMatchObject({ verdict: 'intact' });

  const record = readRecord(recordFile);
  const counted = new Map(
    record.filter(([kind]) => kind === 'opens').map(([, pid, count]) => [Number(pid), Number(count)]),
  );
  const account: Account = { done: 0, events: 0, folded: 0, lostFiles: 0, lostOther: 0, seconds: 0 };
  account.seconds = Number(record.find(([kind]) => kind === 'took')?.[1]) / 1e9;
  for (const count of counted.values()) account.done += count;

  const seen = new Uint8Array(processes * opens);
  const owner = new Map<number, number>();
  const perProcess = new Map<number, number>();
  for await (const event of eachEvent(logFile)) {
    if (event.event_type === 'events_lost') {
      if (event.class === 'file') account.lostFiles += event.count ?? 0;
      else account.lostOther += event.count ?? 0;
      continue;
    }
    // What the generator inherited it has not opened.
    if (!fileTypes.has(event.event_type) || event.preexisting) continue;
    if (!counted.has(event.pid)) throw new Error(`an event of a stranger: ${JSON.stringify(event)}`);
    perProcess.set(event.pid, (perProcess.get(event.pid) ?? 0) + (event.count ?? 1));
    if (event.count === undefined) account.events++;
    else account.folded += event.count;
    if (event.path === recordFile) continue;
    const [p, n] = (event.path ?? '')
      .slice(files.length + 1)
      .split('/')
      .map(Number);
    if (!event.path?.startsWith(`${files}/`) || p === undefined || n === undefined || !(p < processes && n < opens))
      throw new Error(`nobody opened this: ${JSON.stringify(event)}`);
    if ((owner.get(p) ?? event.pid) !== event.pid)
      throw new Error(`another process opened this: ${JSON.stringify(event)}`);
    owner.set(p, event.pid);
    if (event.count !== undefined) continue;
    const at = p * opens + n;
    if (seen[at] && rounds === 1) throw new Error(`opened once, told twice: ${JSON.stringify(event)}`);
    seen[at] = 1;
  }
  for (const [pid, count] of perProcess) expect(count, `events of ${pid}`).toBeLessThanOrEqual(counted.get(pid) ?? 0);
  expect(verdict.events_lost).toBe(account.lostFiles + account.lostOther);
  rmSync(files, { recursive: true });
  rmSync(join(logFile, '..'), { recursive: true });
  return account;
}

function expectExact({ done, events, folded, lostFiles }: Account): void {
  expect({ accounted: events + folded + lostFiles, events, folded, lostFiles }).toMatchObject({ accounted: done });
}

describe('a flood of opens of distinct paths', () => {
  const million = scaled(1_000_000);

  it.each([
    ['the smallest ring', String(64 * 1024)],
    ['a small ring', String(1024 * 1024)],
    ['the default ring', undefined],
  ])(
    'is accounted for exactly with %s',
    async (name, bytes) => {
      const account = await flood(million / processes, 1, 0, bytes === undefined ? {} : { AGENTGOV_RING_BULK: bytes });
      expectExact(account);
      const figures: Record<string, Figure> = { ...account, opens_per_s: Math.round(account.done / account.seconds) };
      evidence('flood', { [name]: figures });
    },
    isFull ? 900_000 : 120_000,
  );

  it(
    'loses nothing at 100,000 a second with the default ring',
    async () => {
      const seconds = scaled(10);
      const account = await flood((100_000 * seconds) / processes, 1, 100_000);
      expectExact(account);
      // Else the generator could not keep the pace, and nothing was shown. One second on a busy machine may take longer.
      expect(account.seconds).toBeLessThan(isFull ? seconds * 1.2 : 3);
      expect(account).toMatchObject({ lostFiles: 0, lostOther: 0 });
      evidence('flood', { 'paced at 100,000 a second': { ...account } });
    },
    isFull ? 900_000 : 120_000,
  );
});

describe('opens of the same paths again and again', () => {
  it.each([
    ['the smallest ring', String(64 * 1024)],
    ['the default ring', undefined],
  ])(
    'are counted exactly, with %s',
    async (_, bytes) => {
      const files = 100;
      const rounds = scaled(5000);
      const account = await flood(files, rounds, 0, bytes === undefined ? {} : { AGENTGOV_RING_BULK: bytes });
      expectExact(account);
      // One event for the first sight of each file by each process (and for the record), the rest are counts. In a ring
      // that is too small some first sights are lost, and counted as such, until one gets through.
      if (bytes === undefined) expect(account).toMatchObject({ lostFiles: 0, events: processes * files + 1 });
      else expect(account.events).toBeLessThanOrEqual(processes * files + 1);
    },
    120_000,
  );
});
