import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AuditWriter, canonical, verifyFile } from '../../../src/audit/index.js';
import { checkEvent } from '../../../src/events/index.js';
import { chain, event, folder, hashOf, joined, logFile, makeLines, sealed, sha256, ZEROS } from './logs.js';

const python = (path: string): string =>
  spawnSync('python3', [new URL('../../vectors/verify.py', import.meta.url).pathname, path], { encoding: 'utf8' })
    .stdout;

const template = (index: number): string => canonical({ ...event(index), hash_prev: '', seq: 0 });

/** Appends that must have found their place. */
function add(writer: AuditWriter, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => {
    const placed = writer.append(event(from + index));
    if (!placed) throw new Error('an event was lost');
    return placed.line;
  });
}

describe('the writer', () => {
  it('writes what the rule of the format says, by both ways in', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path);
    expect(writer.tip).toEqual({ count: 0, hash: ZEROS });
    const wanted = makeLines(40);
    for (const [index, line] of wanted.entries()) {
      const placed = index % 2 === 0 ? writer.append(event(index)) : writer.appendPrepared(template(index));
      expect(placed).toEqual({ seq: index + 1, line });
    }
    expect(writer.tip).toEqual({ count: 40, hash: hashOf(wanted[39] ?? '') });
    await writer.flush();
    expect(readFileSync(path, 'utf8')).toBe(joined(wanted));
    await writer.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(python(path)).toBe('intact\n');
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 40 });
  });

  it('is not fooled by values that look like placeholders', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path);
    const tricks = ['"hash_prev": ""', '", "hash_prev": "", "seq": 0', '"seq": 0', '\\"seq": 0', 'hash_prev', '$&$1'];
    for (const trick of tricks) {
      const fields = { action: trick, argv: [trick, 'hash_prev', 'seq'], zzz: trick, comm: '' };
      writer.append(fields);
      const last = writer.append({ ...fields, count: 0 });
      expect(JSON.parse(last?.line ?? '')).toMatchObject({ ...fields, count: 0 });
    }
    await writer.close();
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 2 * tricks.length, canonical: true });
    expect(python(path)).toBe('intact\n');
  });

  it.each([
    '',
    '{}',
    '{"hash_prev": ""}',
    '{"seq": 0}',
    '{"hash_prev":"","seq":0}',
    '{"hash_prev": "", "hash_self": "", "seq": 0}',
    '{"hash_prev": "", "hash_q": "", "seq": 0}',
  ])('refuses a template that is none: %s', async (text) => {
    const writer = await AuditWriter.open(join(folder(), 'audit.jsonl'));
    expect(() => writer.appendPrepared(text)).toThrow(expect.objectContaining({ exitCode: 4 }));
    expect(writer.tip.count).toBe(0);
    await writer.close();
  });

  it('continues the chain when it is opened again', async () => {
    const path = join(folder(), 'audit.jsonl');
    for (const round of [0, 1, 2]) {
      const writer = await AuditWriter.open(path);
      expect(writer.tip.count).toBe(round * 700);
      add(writer, round * 700, round * 700 + 700);
      await writer.close();
    }
    expect(readFileSync(path, 'utf8')).toBe(joined(makeLines(2100)));
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 2100 });
  });

  it('loses and counts what comes after close, and what is longer than a line may be', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path);
    expect(writer.append({ path: 'x'.repeat(16 * 2 ** 20) })).toBeUndefined();
    expect(writer.append({ path: 'x'.repeat(16 * 2 ** 20 - 300) })).toMatchObject({ seq: 1 });
    await writer.close();
    expect(writer.append(event(1))).toBeUndefined();
    expect(writer.lostEvents).toBe(2);
    await writer.close();
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 1 });
  });
});

describe('opening a log', () => {
  const open = (path: string) => AuditWriter.open(path).then((writer) => writer.close());

  it('makes folders only when told so', async () => {
    const path = join(folder(), 'a', 'b', 'audit.jsonl');
    await expect(open(path)).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('make it first') });
    const writer = await AuditWriter.open(path, { makeFolder: true });
    await writer.close();
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
  });

  it('has one writer', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path);
    await expect(open(path)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(`is being written by process ${process.pid}`),
    });
    add(writer, 0, 5);
    await writer.close();
    await open(path);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 5 });
  });

  it('follows no symbolic link and takes nothing but a regular file', async () => {
    const place = folder();
    const target = join(place, 'target');
    writeFileSync(target, '');
    symlinkSync(target, join(place, 'link'));
    symlinkSync(join(place, 'absent'), join(place, 'dangling'));
    await expect(open(join(place, 'link'))).rejects.toThrow('symbolic link');
    await expect(open(join(place, 'dangling'))).rejects.toThrow('symbolic link');
    expect(existsSync(join(place, 'absent'))).toBe(false);
    mkdirSync(join(place, 'folder'));
    await expect(open(join(place, 'folder'))).rejects.toThrow('it is a folder');
    execFileSync('mkfifo', [join(place, 'fifo')]);
    await expect(open(join(place, 'fifo'))).rejects.toThrow('not a regular file');
    await expect(open(join(target, 'audit.jsonl'))).rejects.toThrow('not a folder');
    expect(readdirSync(place).sort()).toEqual(['dangling', 'fifo', 'folder', 'link', 'target']);
  });

  const lines = makeLines(1500);
  const broken: Array<[string, (lines: string[]) => string[], number | undefined]> = [
    ['an edited line', (all) => all.with(1200, (all[1200] ?? '').replace('docs', 'dogs')), 1201],
    ['an edited last line', (all) => all.with(1499, (all[1499] ?? '').replace('docs', 'dogs')), 1500],
    ['a missing line', (all) => all.toSpliced(1000, 1), 1001],
    ['a line that is not canonical', (all) => all.with(700, `${all[700]} `), 701],
    ['other text', (all) => [...all, 'hello'], 1501],
    ['the first line that is looked at', (all) => all.with(500, 'x'), 501],
    ['a line before those that are looked at', (all) => all.with(499, 'x'), undefined],
  ];
  it.each(broken)('refuses to go on behind %s, and says which', async (_, change, line) => {
    const path = logFile(change(lines));
    const before = readFileSync(path);
    if (line === undefined) {
      await open(path);
    } else {
      await expect(open(path)).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringContaining(`${path} does not verify at line ${line} (`),
      });
    }
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('checks a short log from its first line', async () => {
    await expect(open(logFile(chain([event(1), event(2)], 2)))).rejects.toThrow('does not verify at line 1 (seq is 2');
    await expect(open(logFile([sealed(event(1), 1, '1'.repeat(64))]))).rejects.toThrow('does not verify at line 1');
    await open(logFile(makeLines(1)));
    await open(logFile(makeLines(1000)));
  });

  it('sets a torn tail aside, byte for byte, and records it', async () => {
    const path = logFile(lines.slice(0, 20));
    const torn = Buffer.from('{"action": "OBSER\x00\xff', 'latin1');
    appendFileSync(path, torn);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'truncated' });
    const writer = await AuditWriter.open(path);
    const side = `${path}.torn-${sha256(torn).slice(0, 16)}`;
    expect(readFileSync(side).equals(torn)).toBe(true);
    expect(statSync(side).mode & 0o777).toBe(0o600);
    expect(writer.tip.count).toBe(21);
    await writer.close();
    const [last = ''] = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-1);
    expect(JSON.parse(last)).toMatchObject({
      event_type: 'log_recovered',
      agent_id: 'finance-agent',
      tail_bytes: torn.length,
      path: side,
      tail_sha256: sha256(torn),
    });
    expect(checkEvent(JSON.parse(last))).toEqual([]);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 21 });
  });

  it('records a tail that an earlier start set aside and did not live to record', async () => {
    const path = logFile(lines.slice(0, 20));
    const side = `${path}.torn-${sha256('torn').slice(0, 16)}`;
    writeFileSync(`${side}.pending`, 'torn');
    await open(path);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 21 });
    expect(readFileSync(side, 'utf8')).toBe('torn');
    await open(path);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 21 });
  });

  it('does not touch the tail of a log that does not verify', async () => {
    const path = logFile(`${joined(lines.slice(0, 20)).replace('index=7', 'index=8')}{"torn`);
    const before = readFileSync(path);
    await expect(open(path)).rejects.toThrow('does not verify at line 8');
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(join(path, '..'))).toEqual(['audit.jsonl']);
  });
});

describe('a disk that is full', () => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) console.warn('SKIPPED: writing to a full disk needs root, to mount a small tmpfs');

  it.skipIf(!isRoot)(
    'keeps the chain whole, counts what is lost, and goes on when there is room',
    async () => {
      const place = folder();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'agentgov-test', place]);
      onTestFinished(() => void execFileSync('umount', ['-l', place]));
      const path = join(place, 'audit.jsonl');
      const ballast = join(place, 'ballast');
      writeFileSync(ballast, Buffer.alloc(400 * 1024));

      const writer = await AuditWriter.open(path);
      const told: string[] = [];
      writer.onFailure = (error) => told.push(error.message);
      writer.onRecovered = () => told.push('recovered');
      const attempts = 60_000;
      let placed = 0;
      for (let index = 0; index < attempts; index += 1) {
        if (writer.append({ ...event(index), path: `/${'long/'.repeat(40)}${index}` })) placed += 1;
        if (writer.pendingBytes > 2 ** 20) await writer.flush();
      }
      await vi.waitFor(() => expect(told).toHaveLength(1));
      expect(told[0]).toContain(`cannot write to ${path} (ENOSPC`);
      expect(writer.lostEvents).toBe(attempts - placed);
      expect(writer.lostEvents).toBeGreaterThan(1000);
      // While it fails the file is whole: its writer holds the lock, so look at a copy.
      const copy = logFile(readFileSync(path));
      const stuck = await verifyFile(copy);
      expect(stuck).toMatchObject({ verdict: 'intact' });
      expect(stuck.events).toBeGreaterThan(500);

      execFileSync('mount', ['-o', 'remount,size=64m', place]);
      await vi.waitFor(() => expect(told).toHaveLength(2), { timeout: 5000 });
      expect(told[1]).toBe('recovered');
      writer.append({ event_type: 'events_lost', action: 'OBSERVED', count: writer.lostEvents });
      await writer.close();
      const result = await verifyFile(path);
      expect(result).toMatchObject({ verdict: 'intact', events: placed + 1, events_lost: attempts - placed });
    },
    60_000,
  );

  it.skipIf(!isRoot)(
    'ends with an error when there is still no room at close, and can be continued later',
    async () => {
      const place = folder();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'agentgov-test', place]);
      onTestFinished(() => void execFileSync('umount', ['-l', place]));
      const path = join(place, 'audit.jsonl');
      const writer = await AuditWriter.open(path);
      add(writer, 0, 2000);
      await expect(writer.close()).rejects.toMatchObject({
        exitCode: 4,
        message: expect.stringContaining('is not complete'),
      });
      const { verdict, events } = await verifyFile(path);
      expect([verdict, events + writer.lostEvents]).toEqual(['intact', 2000]);
      execFileSync('mount', ['-o', 'remount,size=4m', place]);
      const next = await AuditWriter.open(path);
      expect(next.tip.count).toBe(events);
      add(next, 0, 10);
      await next.close();
      expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: events + 10 });
    },
  );
});
