// Retention: what goes, what stays, and that the rest still verifies.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Digests, digestsPath } from '../../../src/audit/digests.js';
import { AuditWriter, findLogs, prune, type Verification, verifyLog } from '../../../src/audit/index.js';
import { newSigner } from '../../../src/audit/note.js';
import { pruneCommand } from '../../../src/commands/prune.js';
import { chain, event, type Fields, folder, joined } from './logs.js';

const key = newSigner('example.org/host');
const DAY = 86_400_000;
vi.setConfig({ testTimeout: 60_000 });

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Only the clock that is read: timers go on. */
const at = (day: number): void => void vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) + day * DAY });

/** A log of five files and more, one finished every ten days, signed. */
async function written(): Promise<string> {
  const path = join(folder(), 'audit.jsonl');
  for (let session = 0; session < 5; session += 1) {
    at(10 * session);
    const writer = await AuditWriter.open(path, { rotateBytes: 3000, checkpoints: { key } });
    for (let index = 0; index < 7; index += 1) writer.append(event(10 * session + index));
    await writer.close();
  }
  return path;
}

const logFiles = (path: string): string[] =>
  readdirSync(dirname(path))
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort();

async function verify(path: string): Promise<Verification> {
  const [log] = await findLogs([dirname(path)]);
  if (log === undefined) throw new Error('no log');
  return verifyLog(log, { keys: [key] });
}

const prunedIn = (path: string): Array<Record<string, unknown>> =>
  logFiles(path)
    .map((name) => readFileSync(join(dirname(path), name), 'utf8'))
    .join('')
    .split('\n')
    .filter((line) => line.includes('"event_type": "log_pruned"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('prune', () => {
  it('removes whole files that are old enough, records it, and the rest verifies', async () => {
    const path = await written();
    const before = logFiles(path);
    const { list } = await Digests.read(path);
    execFileSync('gzip', [join(dirname(path), before[0] ?? '')]);
    at(205);
    // Finished on the days 0, 10 and 20; on day 205 those of the first two are older than 183 days.
    const old = list.filter(({ timestamp }) => Date.parse(timestamp) < Date.now() - 183 * DAY);
    expect(old.length).toBeGreaterThan(1);
    expect(old.length).toBeLessThan(list.length);
    const would = await prune(path, { days: 183, dryRun: true });
    expect(logFiles(path)).toHaveLength(before.length);
    const removed = await prune(path, { days: 183 });
    expect(removed).toEqual(would);
    expect(removed.map(({ file }) => file)).toEqual(old.map(({ file }) => file));
    expect(logFiles(path)).toEqual(before.slice(old.length));
    const last = old.at(-1)?.last_seq ?? 0;
    expect(await verify(path)).toMatchObject({
      verdict: 'intact',
      first_seq: last + 1,
      pruned: last,
      checks: { chain: 'ok', tip: 'ok', checkpoints: 'ok' },
    });
    expect(prunedIn(path)).toMatchObject(
      old.map(({ file, first_seq, last_seq }) => ({
        path: join(dirname(path), file),
        first_seq,
        last_seq,
        reason: 'retention of 183 days',
      })),
    );
    expect(await prune(path, { days: 183 })).toEqual([]);
    // The writer goes on, and more can go later.
    const writer = await AuditWriter.open(path, { rotateBytes: 3000, checkpoints: { key } });
    for (let index = 0; index < 20; index += 1) writer.append(event(index));
    await writer.close();
    expect(prunedIn(path)).toHaveLength(old.length);
    at(1000);
    const rest = await prune(path, { days: 183 });
    expect(rest.length).toBeGreaterThan(0);
    expect(await verify(path)).toMatchObject({ verdict: 'intact', pruned: rest.at(-1)?.last_seq });
  });

  it('lets a writer go on, which tells of it from its next file on', async () => {
    const path = await written();
    at(300);
    const writer = await AuditWriter.open(path, { rotateBytes: 3000, checkpoints: { key } });
    const removed = await prune(path, { days: 183 });
    expect(removed.length).toBeGreaterThan(1);
    for (let index = 0; index < 30; index += 1) writer.append(event(index));
    await vi.waitFor(async () => {
      const { announced, removals } = await Digests.read(path);
      expect(announced).toBe(removals.length);
    });
    await writer.close();
    expect(prunedIn(path)).toHaveLength(removed.length);
    expect(await verify(path)).toMatchObject({ verdict: 'intact', pruned: removed.at(-1)?.last_seq });
  });

  it('removes nothing that is missing or does not verify, and nothing behind it', async () => {
    const path = await written();
    at(1000);
    const [first = '', second = ''] = logFiles(path).map((name) => join(dirname(path), name));
    const text = readFileSync(second, 'utf8');
    writeFileSync(second, text.replace('docs', 'dogs'));
    await expect(prune(path, { days: 183 })).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('is tampered'),
    });
    expect([existsSync(first), existsSync(second)]).toEqual([false, true]);
    rmSync(second);
    await expect(prune(path, { days: 183 })).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('is missing'),
    });
    writeFileSync(second, text);
    expect(await verify(path)).toMatchObject({ verdict: 'intact' });
  });

  it('finishes what a crash left between the record and the removal', async () => {
    const path = await written();
    at(200);
    const [first = ''] = logFiles(path).map((name) => join(dirname(path), name));
    const text = readFileSync(first);
    await prune(path, { days: 195 });
    writeFileSync(first, text);
    expect(await verify(path)).toMatchObject({ verdict: 'intact', first_seq: expect.any(Number) });
    const lines = readFileSync(digestsPath(path), 'utf8');
    expect(await prune(path, { days: 195 })).toHaveLength(1);
    expect(existsSync(first)).toBe(false);
    expect(readFileSync(digestsPath(path), 'utf8')).toBe(lines);
  });

  it('is no cover for whoever removes a file', async () => {
    const path = await written();
    at(1000);
    const removed = await prune(path, { days: 1000 - 25 });
    expect(removed.length).toBeGreaterThan(0);
    const [next = ''] = logFiles(path).map((name) => join(dirname(path), name));
    rmSync(next);
    expect(await verify(path)).toMatchObject({ verdict: 'tampered', reason: expect.stringContaining('is missing') });
  });
});

describe('a removal that was recorded by hand', () => {
  type Spoil = (records: Fields[], removals: Fields[]) => Fields[];
  const asPruneWouldDoIt: Spoil = (records, removals) => [...records, ...removals];

  /** As root can: the digests with records that prune would have made, and its event missing in the log. */
  async function removeTwo(path: string, spoil: Spoil): Promise<void> {
    const two = (await Digests.read(path)).list.slice(0, 2);
    const removals = two.map(({ file, first_seq, last_seq }) => ({
      removed: file,
      first_seq,
      last_seq,
      reason: 'by hand',
    }));
    const lines = readFileSync(digestsPath(path), 'utf8').trim().split('\n');
    const records = lines.map((line) => {
      const { seq: _, hash_prev: __, hash_self: ___, ...fields } = JSON.parse(line) as Fields;
      return fields;
    });
    writeFileSync(digestsPath(path), joined(chain(spoil(records, removals))));
    for (const { file } of two) rmSync(join(dirname(path), file));
  }

  it.each<[string, Spoil]>([
    ['as prune does it', asPruneWouldDoIt],
    ['as if the log told of it', (...all) => [...asPruneWouldDoIt(...all), { announced: 2 }]],
    ['as if it were long ago', (records, removals) => [...removals, ...records]],
    ['with other lines', (records, removals) => [...records, ...removals.map((one) => ({ ...one, last_seq: 1 }))]],
  ])('is found: %s', async (_, spoil) => {
    const path = await written();
    await removeTwo(path, spoil);
    expect(await verify(path)).toMatchObject({
      verdict: 'tampered',
      first_bad_line: null,
      reason: expect.stringMatching(
        /^audit-00000[12]\.jsonl is recorded as removed, and the log does not tell of it: /,
      ),
      checks: { chain: 'failed' },
    });
  });

  it('is not told from one that was interrupted, which the next run puts in order', async () => {
    const path = await written();
    await removeTwo(path, asPruneWouldDoIt);
    expect(await prune(path, { days: 1e6 })).toEqual([]);
    expect(prunedIn(path)).toHaveLength(2);
    expect(await verify(path)).toMatchObject({ verdict: 'intact' });
  });

  it('is not asked of a writer that is at work and has not got to it', async () => {
    const path = await written();
    const writer = await AuditWriter.open(path, { checkpoints: { key } });
    await removeTwo(path, asPruneWouldDoIt);
    expect(await verify(path)).toMatchObject({ verdict: 'intact', live: true });
    await writer.close();
    expect(await verify(path)).toMatchObject({ verdict: 'tampered' });
  });
});

describe('agentgov prune', () => {
  async function run(...args: string[]): Promise<{ out: string; error: unknown }> {
    let out = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      out += String(chunk);
      return true;
    });
    const error = await pruneCommand()
      .exitOverride()
      .parseAsync(['node', 'prune', ...args])
      .then(
        () => undefined,
        (caught: unknown) => caught,
      );
    return { out, error };
  }

  it('keeps logs for 183 days unless it is told twice', async () => {
    const path = await written();
    at(150);
    expect(await run(path)).toMatchObject({ out: expect.stringContaining('nothing is old enough') });
    const short = await run(path, '--older-than', '100d');
    expect(short.error).toMatchObject({ exitCode: 2, message: expect.stringContaining('183 days') });
    expect(logFiles(path).length).toBeGreaterThan(4);
    expect((await run(path, '--older-than', '100d', '--below-minimum', '--dry-run')).out).toContain('would remove');
    const { out, error } = await run(path, '--older-than', '100d', '--below-minimum', '--json');
    expect(error).toBeUndefined();
    const { logs } = JSON.parse(out) as { logs: Array<{ removed: unknown[] }> };
    expect(logs[0]?.removed.length).toBeGreaterThan(3);
    expect(await verify(path)).toMatchObject({ verdict: 'intact' });
    for (const wrong of ['-1', '5w', '999999'])
      expect((await run(path, '--older-than', wrong)).error).toMatchObject({ exitCode: 2 });
  });
});

it('says that there is no such log', async () => {
  await expect(prune(join(folder(), 'audit.jsonl'), { days: 183 })).rejects.toMatchObject({ exitCode: 2 });
});
