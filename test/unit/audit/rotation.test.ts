// A log in several files: written by rotation, verified as one, attacked in its files.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { digestsPath, logOf } from '../../../src/audit/digests.js';
import {
  AuditWriter,
  findLogs,
  findWholeLogs,
  type Verification,
  type VerifyOptions,
  verifyFile,
  verifyLog,
} from '../../../src/audit/index.js';
import { newSigner } from '../../../src/audit/note.js';
import { tipPath } from '../../../src/audit/tip-file.js';
import { takeLock } from '../../../src/lock.js';
import { event, folder, hashOf, makeLines } from './logs.js';

const key = newSigner('example.org/host');
const keys = [key];

async function write(path: string, from: number, to: number, signed = false): Promise<void> {
  const writer = await AuditWriter.open(path, { rotateBytes: 4000, ...(signed ? { checkpoints: { key } } : {}) });
  for (let index = from; index < to; index += 1) {
    writer.append(event(index));
    // Files that end between two flushes, and files that end within one.
    if (index % 17 === 0) await writer.flush();
  }
  await writer.close();
}

const EVENTS = 62;

/** A log of 62 events in several files of some 4 kB each. */
async function written(signed = false): Promise<string> {
  const path = join(folder(), 'audit.jsonl');
  await write(path, 0, EVENTS, signed);
  return path;
}

const filesOf = (path: string): string[] =>
  readdirSync(dirname(path))
    .filter((name) => /\.jsonl(\.gz|\.zst)?$/.test(name))
    .sort()
    .map((name) => join(dirname(path), name));

async function verify(path: string, options: VerifyOptions = {}): Promise<Verification> {
  const [log, ...others] = await findLogs([path]);
  if (!log || others.length > 0) throw new Error('not one log');
  return verifyLog(log, options);
}
const verifyFolder = (path: string, options: VerifyOptions = {}) => verify(dirname(path), options);

describe('rotation', () => {
  it('carries the chain over the cut, and the names sort in order', async () => {
    const path = await written();
    const files = filesOf(path);
    expect(files.length).toBeGreaterThan(4);
    expect(files.map((file) => basename(file)).slice(0, 2)).toEqual(['audit-000001.jsonl', 'audit-000002.jsonl']);
    expect(files.at(-1)).toBe(path);
    const text = files.map((file) => readFileSync(file, 'utf8')).join('');
    expect(text.split('\n').slice(0, -1)).toEqual(makeLines(EVENTS));
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const file of files.slice(0, -1)) expect(statSync(file).size).toBeGreaterThanOrEqual(4000);
    const digests = readFileSync(digestsPath(path), 'utf8').split('\n').slice(0, -1);
    expect(digests).toHaveLength(files.length - 1);
    const first = readFileSync(files[0] ?? '', 'utf8')
      .split('\n')
      .slice(0, -1);
    expect(JSON.parse(digests[0] ?? '')).toMatchObject({
      file: 'audit-000001.jsonl',
      first_seq: 1,
      last_seq: first.length,
      first_hash_prev: '0'.repeat(64),
      tip: hashOf(first.at(-1) ?? ''),
      log: hashOf(first[0] ?? ''),
    });
    // The digests are a chained log themselves.
    expect(await verifyFile(digestsPath(path))).toMatchObject({ verdict: 'intact', events: files.length - 1 });
  });

  it('is verified as one log, by folder, by files in any order, and file by file', async () => {
    const path = await written();
    const whole = {
      verdict: 'intact',
      events: EVENTS,
      first_seq: 1,
      last_seq: EVENTS,
      checks: { chain: 'ok', tip: 'ok' },
    };
    expect(await verifyFolder(path)).toMatchObject(whole);
    const [log] = await findLogs(filesOf(path).reverse());
    expect(log && (await verifyLog(log))).toMatchObject(whole);
    let next = 1;
    for (const file of filesOf(path)) {
      const alone = await verifyFile(file);
      expect(alone).toMatchObject({ verdict: 'intact', first_seq: next, checks: { tip: 'ok' } });
      next += alone.events;
    }
    expect(next).toBe(EVENTS + 1);
    // Without its digest a later file does not say where it begins.
    rmSync(digestsPath(path));
    expect(await verifyFile(filesOf(path)[1] ?? '')).toMatchObject({ verdict: 'tampered', first_bad_line: 1 });
    expect(await verifyFolder(path)).toMatchObject({ verdict: 'intact', events: EVENTS });
  });

  it('continues over restarts, with and without a line in the newest file', async () => {
    const path = await written();
    for (const to of [EVENTS + 1, 75, 90]) {
      const events = (await verifyFolder(path)).events;
      await write(path, events, to);
      expect(await verifyFolder(path)).toMatchObject({ verdict: 'intact', events: to, checks: { tip: 'ok' } });
    }
    const text = filesOf(path)
      .map((file) => readFileSync(file, 'utf8'))
      .join('');
    expect(text.split('\n').slice(0, -1)).toEqual(makeLines(90));
  });

  it('begins a new file by age, when there is something in the old one', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { rotateMs: 150 });
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(filesOf(path)).toEqual([path]);
    writer.append(event(0));
    await vi.waitFor(() => expect(filesOf(path)).toHaveLength(2), { timeout: 5000 });
    writer.append(event(1));
    await writer.close();
    expect(await verifyFolder(path)).toMatchObject({ verdict: 'intact', events: 2 });
  });

  it('begins no other file while the one before is still being finished', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { rotateMs: 20 });
    // Somebody else is at the digests, for longer than a file is to last.
    const release = await takeLock(digestsPath(path));
    writer.append(event(0));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await release();
    await vi.waitFor(() => expect(filesOf(path)).toHaveLength(2), { timeout: 20_000 });
    await writer.close();
    expect(await verifyFolder(path)).toMatchObject({ verdict: 'intact', events: 1 });
  });

  it('finishes what a crash left between the digest and the new name', async () => {
    const path = await written();
    const last = filesOf(path).at(-2) ?? '';
    const tip = readFileSync(tipPath(path));
    rmSync(path);
    renameSync(last, path);
    writeFileSync(tipPath(path), tip);
    // The tip of that moment: the file was durable, and nothing came after it.
    rmSync(tipPath(path));
    const before = (await verifyFile(path)).last_seq ?? 0;
    await write(path, before, before + 5);
    expect(existsSync(last)).toBe(true);
    expect(await verifyFolder(path)).toMatchObject({ verdict: 'intact', events: before + 5 });
  });

  it('does not replace a file that has the next name already', async () => {
    const path = await written();
    const name = filesOf(path).at(-2) ?? '';
    const next = name.replace(/\d{6}/, (digits) => String(Number(digits) + 1).padStart(6, '0'));
    writeFileSync(next, 'mine');
    const writer = await AuditWriter.open(path, { rotateBytes: 4000 });
    const failure = new Promise<Error>((resolve) => {
      writer.onFailure = resolve;
    });
    for (let index = EVENTS; index < 80; index += 1) writer.append(event(index));
    expect((await failure).message).toContain('EEXIST');
    expect(readFileSync(next, 'utf8')).toBe('mine');
    rmSync(next);
    await writer.close();
    expect(await verifyFolder(path)).toMatchObject({ verdict: 'intact', events: 80 });
  });

  it.each(['gz', 'zst'])('verifies files packed as .%s without unpacking them by hand', async (kind) => {
    const path = await written(true);
    for (const file of filesOf(path).slice(0, -1)) {
      if (kind === 'gz') execFileSync('gzip', [file]);
      else execFileSync('zstd', ['-q', '--rm', file]);
    }
    const result = await verifyFolder(path, { keys });
    expect(result).toMatchObject({ verdict: 'intact', first_seq: 1, checks: { tip: 'ok', checkpoints: 'ok' } });
    const [first = ''] = filesOf(path);
    expect(first.endsWith(kind)).toBe(true);
    expect(await verifyFile(first)).toMatchObject({ verdict: 'intact', first_seq: 1 });
    const packed = readFileSync(first);
    for (const cut of [packed.length - 1, packed.length - 40, 30, 7]) {
      writeFileSync(first, packed.subarray(0, cut));
      expect(await verifyFile(first), `${cut} bytes`).toMatchObject({ verdict: 'truncated' });
    }
  });

  it('goes with checkpoints: each file ends with one', async () => {
    const path = await written(true);
    const files = filesOf(path);
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      expect(readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)).toContain('"event_type": "checkpoint"');
      const alone = await verifyFile(file, { keys });
      expect(alone.reason).toBe('every line follows from the one before it');
      expect(alone.checks.checkpoints).toBe('ok');
    }
    await write(path, EVENTS, 72, true);
    expect(await verifyFolder(path, { keys })).toMatchObject({ verdict: 'intact', checks: { checkpoints: 'ok' } });
  });
});

describe('a file that is being finished', () => {
  it.each([
    ['has its digest and still its old name', renameSync],
    ['has both names', linkSync],
  ])('%s', async (_, give) => {
    const path = await written();
    // As a writer leaves it that is killed there: the newest file is the finished one.
    const last = filesOf(path).at(-2) ?? '';
    rmSync(path);
    rmSync(tipPath(path));
    give(last, path);
    expect(await verifyFolder(path)).toMatchObject({ verdict: 'intact', first_seq: 1 });
    await write(path, EVENTS, 72);
    expect(existsSync(last)).toBe(true);
    expect(await verifyFolder(path)).toMatchObject({ verdict: 'intact', first_seq: 1, checks: { tip: 'ok' } });
  });

  it('was found under its old name', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { rotateBytes: 4000 });
    const add = async (): Promise<void> => {
      for (let index = 0; index < 40; index += 1) writer.append(event(index));
      await writer.flush();
    };
    await add();
    const [found] = await findLogs([dirname(path)]);
    const named = await findLogs(filesOf(path));
    if (!found) throw new Error('no log');
    await add();
    const whole = { verdict: 'intact', first_seq: 1, last_seq: 80, live: true };
    expect(await verifyLog(found)).toMatchObject(whole);
    expect(await verifyLog(named[0] ?? found)).toMatchObject(whole);
    rmSync(filesOf(path)[1] ?? '');
    expect(await verifyLog(found)).toMatchObject({ verdict: 'tampered', live: true });
    await writer.close();
  });
});

it('signs both checkpoints where the one of the end is what begins a new file', async () => {
  const path = join(folder(), 'audit.jsonl');
  for (let size = 2000; size < 5000; size += 100) {
    const writer = await AuditWriter.open(path, { rotateBytes: size, checkpoints: { key } });
    for (let index = 0; index < 7; index += 1) writer.append(event(index));
    await writer.close();
  }
  expect(await verifyFolder(path, { keys })).toMatchObject({ verdict: 'intact', checks: { checkpoints: 'ok' } });
});

describe('an attack on the files of a log', () => {
  const attacks: Array<[string, (files: string[], path: string) => void, string, string]> = [
    [
      'a file missing in the middle',
      ([, second = '']) => rmSync(second),
      'tampered',
      'audit-000002.jsonl with the lines',
    ],
    ['the first file missing', ([first = '']) => rmSync(first), 'tampered', 'audit-000001.jsonl with the lines'],
    ['the last finished file missing', (files) => rmSync(files.at(-2) ?? ''), 'tampered', 'is missing'],
    ['the newest file missing', (_, path) => rmSync(path), 'truncated', 'the tip file knows 62 events'],
    [
      'all files but the newest missing',
      (files, path) => files.filter((file) => file !== path).forEach((file) => void rmSync(file)),
      'tampered',
      'audit-000001.jsonl with the lines',
    ],
    [
      'all files but a finished one missing',
      (files) => files.filter((_, index) => index !== 1).forEach((file) => void rmSync(file)),
      'tampered',
      'audit-000001.jsonl with the lines',
    ],
    ['all files missing', (files) => files.forEach((file) => void rmSync(file)), 'truncated', 'and 0 are there'],
    [
      'a packed file damaged at its beginning',
      ([, second = '']) => {
        writeFileSync(`${second}.gz`, gzipSync(readFileSync(second)).subarray(0, 12));
        rmSync(second);
      },
      'truncated',
      'the packed file cannot be unpacked from here on',
    ],
    ['a finished file emptied', ([, second = '']) => writeFileSync(second, ''), 'truncated', 'its end is missing'],
    [
      'two files swapped',
      ([first = '', second = '']) => {
        renameSync(first, `${first}.x`);
        renameSync(second, first);
        renameSync(`${first}.x`, second);
      },
      'tampered',
      'it was swapped or replaced',
    ],
    [
      'a file doubled',
      ([first = '']) => writeFileSync(`${first}.gz`, gzipSync(readFileSync(first))),
      'tampered',
      'there twice',
    ],
    [
      'a file doubled under another name',
      ([first = '']) => copyFileSync(first, first.replace('000001', '000009')),
      'tampered',
      'seq is 1',
    ],
    [
      'the tail of a finished file cut',
      ([, second = '']) =>
        writeFileSync(second, readFileSync(second, 'utf8').split('\n').slice(0, -3).concat('').join('\n')),
      'truncated',
      'its end is missing',
    ],
    [
      'a line edited in a finished file',
      ([, second = '']) => writeFileSync(second, readFileSync(second, 'utf8').replace('docs', 'dogs')),
      'tampered',
      'hash_self does not match',
    ],
    [
      'a digest changed',
      (_, path) =>
        writeFileSync(
          digestsPath(path),
          readFileSync(digestsPath(path), 'utf8').replace('"last_seq": 1', '"last_seq": 2'),
        ),
      'tampered',
      'digests does not verify',
    ],
  ];
  it.each(attacks)('%s is found', async (_, attack, verdict, reason) => {
    const path = await written();
    attack(filesOf(path), path);
    const result = await verifyFolder(path);
    expect(result.reason).toContain(reason);
    expect(result.verdict).toBe(verdict);
  });
});

describe('which files are one log', () => {
  it('is decided by their names', async () => {
    expect(logOf('/a/audit-000001.jsonl')).toBe('/a/audit.jsonl');
    expect(logOf('/a/audit-000001.jsonl.gz')).toBe('/a/audit.jsonl');
    expect(logOf('/a/audit.jsonl')).toBeUndefined();
    const [one, two] = [await written(), await written()];
    expect(await findLogs([one, two])).toHaveLength(2);
    expect(await findLogs([one, one])).toEqual([{ log: one, files: [one], isComplete: false }]);
    const whole = { log: one, files: filesOf(one), isComplete: true };
    expect(await findLogs([dirname(one)])).toEqual([whole]);
    expect((await findWholeLogs([one]))[0]).toMatchObject({ log: one, isComplete: true });
    const gone = join(dirname(one), 'gone.jsonl');
    writeFileSync(tipPath(gone), '');
    expect(await findLogs([dirname(one)])).toEqual([whole, { log: gone, files: [gone], isComplete: true }]);
    await expect(findLogs([folder()])).rejects.toMatchObject({ exitCode: 2 });
  });
});
