// What lies beside a log was written by whoever may write there: whatever it is, and whatever it holds, a verifier and a
// writer say what is wrong with it. They neither wait for it, nor fall over it, nor write through it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestsPath } from '../../../src/audit/digests.js';
import { AuditWriter, findLogs, openPast, proveEvent, verifyFile, verifyLog } from '../../../src/audit/index.js';
import { treePath } from '../../../src/audit/notary.js';
import { newSigner } from '../../../src/audit/note.js';
import { tipPath } from '../../../src/audit/tip-file.js';
import { AgentgovError } from '../../../src/errors.js';
import { chain, event, type Fields, folder, joined, logFile, makeLines, sha256, ZEROS } from './logs.js';

const checkpoints = { key: newSigner('example.org/host'), everyEvents: 10 };

/** A log in three files, with all that a writer keeps beside it. */
async function written(): Promise<string> {
  const path = join(folder(), 'audit.jsonl');
  const writer = await AuditWriter.open(path, { checkpoints, rotateBytes: 3000 });
  for (let index = 0; index < 20; index += 1) {
    writer.append(event(index));
    if (index % 7 === 6) await writer.flush();
  }
  await writer.close();
  expect(existsSync(digestsPath(path)) && existsSync(treePath(path))).toBe(true);
  return path;
}

/** What becomes of everything that reads what lies beside a log: a verdict, or a sentence. Nothing else may be thrown. */
async function readAll(path: string): Promise<string[]> {
  const ways: (() => Promise<unknown>)[] = [
    async () => (await verifyFile(path)).reason,
    async () => (await Promise.all((await findLogs([dirname(path)])).map((log) => verifyLog(log))))[0]?.reason,
    async () => proveEvent(path, 3, {}),
    async () => (await openPast(path)).verdictsSince(() => false),
    async () => {
      const writer = await AuditWriter.open(path, { checkpoints, reserve: true });
      writer.append(event(1));
      await writer.close();
    },
  ];
  const said: string[] = [];
  for (const way of ways) {
    said.push(
      await way().then(String, (error: unknown) => {
        if (!(error instanceof AgentgovError)) throw error;
        return error.message;
      }),
    );
  }
  return said;
}

/** A tip record with its checksum, in both places. */
function tipFile(fields: Record<string, unknown>): string {
  const { count, hash, size, log, closed } = fields;
  const check = sha256(`agentgov tip\n${count}\n${hash}\n${size}\n${log}\n${closed}\n`).slice(0, 16);
  return `${JSON.stringify({ ...fields, check }).padEnd(511)}\n`.repeat(2);
}

describe('a tip file with values that no writer writes', () => {
  const fine = { count: 1, hash: ZEROS, size: 400, log: ZEROS, closed: false };
  const values: unknown[] = [null, 1.5, -1, 1e300, 2 ** 53, 'x', [], {}, true];
  const files = [
    ...['null', '[]', '1', '{}'].map((text) => `${text.padEnd(511)}\n`.repeat(2)),
    ...Object.keys(fine).flatMap((name) =>
      values.filter((value) => name !== 'closed' || value !== true).map((value) => tipFile({ ...fine, [name]: value })),
    ),
  ];
  it.each(files.map((text) => [text.slice(0, 511).trimEnd(), text]))('is damaged: %s', async (_, text) => {
    const path = logFile(makeLines(3));
    writeFileSync(tipPath(path), text);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'tampered', checks: { tip: 'failed' } });
    await expect(AuditWriter.open(path)).rejects.toThrow(/is damaged/);
  });
});

describe('digests that hold, with values that no writer writes', () => {
  const strange: [string, (digest: Fields) => Fields[]][] = [
    ...['file', 'bytes', 'first_seq', 'last_seq', 'first_hash_prev', 'tip', 'log', 'tree', 'timestamp'].flatMap(
      (name): [string, (digest: Fields) => Fields[]][] =>
        [true, -1, 'x'.repeat(64), ['x']]
          .filter((value) => typeof value !== 'string' || !['file', 'timestamp'].includes(name))
          .map((value) => [`${name} ${JSON.stringify(value)}`, (digest) => [{ ...digest, [name]: value }]]),
    ),
    ['a removal of nothing', (digest) => [digest, { removed: 'audit-000001.jsonl' }]],
    ['a removal of a number', (digest) => [digest, { removed: 1, first_seq: 1, last_seq: 2, reason: 'age' }]],
    ['announced -1', (digest) => [digest, { announced: -1 }]],
  ];
  it.each(strange)('say nothing: %s', async (_, spoil) => {
    const path = await written();
    const [first = ''] = readFileSync(digestsPath(path), 'utf8').split('\n');
    const { seq: __, hash_prev: ___, hash_self: ____, ...digest } = JSON.parse(first) as Fields;
    writeFileSync(digestsPath(path), joined(chain(spoil(digest))));
    const said = await readAll(path);
    expect(said[0]).toMatch(/digests does not verify at line \d \(it holds what no digest can\)/);
    expect(said.at(-1)).toMatch(/digests does not verify/);
  });
});

describe('a tree with a place that no writer writes', () => {
  it.each([1.5, -1, 1e300, 2 ** 53, 'x', null])('is not believed: %j', async (offset) => {
    const path = await written();
    const tree = JSON.parse(readFileSync(treePath(path), 'utf8')) as Record<string, unknown>;
    writeFileSync(treePath(path), JSON.stringify({ ...tree, offset }));
    const writer = await AuditWriter.open(path, { checkpoints });
    writer.append(event(1));
    await writer.close();
    const [log] = await findLogs([dirname(path)]);
    expect(log && (await verifyLog(log, { keys: [checkpoints.key] }))).toMatchObject({
      verdict: 'intact',
      checks: { checkpoints: 'ok' },
    });
  });
});

const BESIDE = ['.tip', '.digests', '.checkpoints', '.tree', '.reserve'];

describe.each(BESIDE)('in the place of AUDIT%s', (ending) => {
  it('a pipe is not waited for', async () => {
    const path = await written();
    rmSync(`${path}${ending}`, { force: true });
    execFileSync('mkfifo', [`${path}${ending}`]);
    await readAll(path);
  });

  it('a device without an end is not read', async () => {
    const path = await written();
    rmSync(`${path}${ending}`, { force: true });
    symlinkSync('/dev/zero', `${path}${ending}`);
    await readAll(path);
  });

  it('a link is not written through', async () => {
    const path = await written();
    const victim = join(folder(), 'victim');
    writeFileSync(victim, 'precious\n');
    rmSync(`${path}${ending}`, { force: true });
    symlinkSync(victim, `${path}${ending}`);
    await readAll(path);
    expect(readFileSync(victim, 'utf8')).toBe('precious\n');
  });

  it('a folder is no obstacle to a sentence', async () => {
    const path = await written();
    rmSync(`${path}${ending}`, { force: true });
    mkdirSync(`${path}${ending}`);
    await readAll(path);
  });
});

it('does not wait for pipes among the files of a log', async () => {
  const path = await written();
  for (const name of ['audit-000009.jsonl', 'other.jsonl', 'audit-000001.jsonl.gz'])
    execFileSync('mkfifo', [join(dirname(path), name)]);
  await readAll(path);
  const [log] = await findLogs([dirname(path)]);
  expect(log && (await verifyLog(log))).toMatchObject({ verdict: 'intact' });
});
