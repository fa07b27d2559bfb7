// Checkpoints over a log: made by the writer, held against the log by verify, and what they show.
import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  checkpointsPath,
  originOf,
  parseCheckpoint,
  signCheckpoint,
  splitNotes,
} from '../../../src/audit/checkpoint.js';
import { AuditWriter, verifyFile } from '../../../src/audit/index.js';
import { LeafRange, leafHash } from '../../../src/audit/merkle.js';
import { treePath } from '../../../src/audit/notary.js';
import { newSigner } from '../../../src/audit/note.js';
import { emptyTip, readTip, TipFile, tipPath } from '../../../src/audit/tip-file.js';
import { keysCommand } from '../../../src/commands/keys.js';
import { checkEvent } from '../../../src/events/index.js';
import { chain, event, folder, hashOf, joined, sealed } from './logs.js';

const key = newSigner('example.org/host');
const keys = [key];
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const notesOf = (path: string): string[] => splitNotes(readFileSync(checkpointsPath(path), 'utf8'));
const rootOf = (lines: string[]): Buffer => {
  const range = new LeafRange();
  for (const line of lines) range.add(leafHash(Buffer.from(line)));
  return Buffer.from(range.root());
};

/** A log of 30 events with a checkpoint after each ten, and one at the end: 34 lines. */
async function written(): Promise<string> {
  const path = join(folder(), 'audit.jsonl');
  const writer = await AuditWriter.open(path, { agentId: 'finance-agent', checkpoints: { key, everyEvents: 10 } });
  for (let index = 0; index < 30; index += 1) writer.append(event(index));
  await writer.close();
  return path;
}

describe('a writer with a key', () => {
  it('announces and signs a checkpoint after so many events and at the end', async () => {
    const path = await written();
    const lines = linesOf(path);
    const announced = lines.flatMap((line, index) => (line.includes('"event_type": "checkpoint"') ? [index + 1] : []));
    expect(announced).toEqual([11, 22, 33, 34]);
    for (const seq of announced) {
      const record = JSON.parse(lines[seq - 1] ?? '') as Record<string, unknown>;
      expect(record).toMatchObject({ agent_id: 'finance-agent', checkpoint_key: `${key.name}+${key.id}` });
      expect(checkEvent(record)).toEqual([]);
    }
    const checkpoints = notesOf(path).map(parseCheckpoint);
    expect(checkpoints.map((checkpoint) => checkpoint?.size)).toEqual(announced);
    for (const checkpoint of checkpoints) {
      expect(checkpoint?.origin).toBe(originOf(hashOf(lines[0] ?? '')));
      expect(checkpoint?.root).toEqual(rootOf(lines.slice(0, checkpoint?.size)));
    }
    expect(statSync(checkpointsPath(path)).mode & 0o777).toBe(0o600);
    const result = await verifyFile(path, { keys });
    expect(result).toMatchObject({ verdict: 'intact', events: 34, checks: { tip: 'ok', checkpoints: 'ok' } });
    // Without a key nothing is known of who made them.
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', checks: { checkpoints: 'absent' } });
  });

  it('seals an interval in which nothing happened', async () => {
    const path = join(folder(), 'audit.jsonl');
    const told: string[] = [];
    const onCheckpoint = (note: string) => void told.push(note);
    const writer = await AuditWriter.open(path, { checkpoints: { key, everyMs: 60, onCheckpoint } });
    writer.append(event(0));
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(2), { timeout: 5000 });
    await writer.close();
    expect(told).toEqual(notesOf(path));
    const sizes = told.map((note) => parseCheckpoint(note)?.size ?? 0);
    expect(new Set(sizes).size).toBe(sizes.length);
    expect(await verifyFile(path, { keys })).toMatchObject({ verdict: 'intact', checks: { checkpoints: 'ok' } });
  });

  it('continues behind what is there, with the kept tree and without it', async () => {
    const path = await written();
    for (const round of [0, 1, 2]) {
      if (round === 1) rmSync(treePath(path));
      // A tree that the last signature does not vouch for is not believed.
      if (round === 2)
        writeFileSync(treePath(path), readFileSync(treePath(path), 'utf8').replace(/"[0-9a-f]{4}/, '"0000'));
      const writer = await AuditWriter.open(path, { checkpoints: { key } });
      for (let index = 0; index < 7; index += 1) writer.append(event(index));
      await writer.close();
      const result = await verifyFile(path, { keys });
      expect(result).toMatchObject({ verdict: 'intact', events: 34 + 8 * (round + 1), checks: { checkpoints: 'ok' } });
    }
  });

  it('signs at its start what a crash left announced and unsigned, or half written', async () => {
    const path = await written();
    const before = readFileSync(checkpointsPath(path), 'utf8');
    for (const cut of [1, 100, before.length - before.indexOf('\n\n', 600)]) {
      writeFileSync(checkpointsPath(path), before.slice(0, -cut));
      await (await AuditWriter.open(path, { checkpoints: { key } })).close();
      expect(readFileSync(checkpointsPath(path), 'utf8').startsWith(before.slice(0, -1))).toBe(true);
      expect(await verifyFile(path, { keys })).toMatchObject({ verdict: 'intact', checks: { checkpoints: 'ok' } });
    }
  });

  it('signs nothing that contradicts what was signed before', async () => {
    const path = await written();
    const lines = linesOf(path);
    const forged = chain(lines.map((_, index) => event(index + 100)));
    for (const content of [forged, [...lines.slice(0, 20), ...chain([event(5)], 21, hashOf(lines[19] ?? ''))]]) {
      writeFileSync(path, joined(content));
      rmSync(tipPath(path), { force: true });
      await expect(AuditWriter.open(path, { checkpoints: { key } })).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringContaining('does not fit its log'),
      });
    }
  });
});

describe('an attack on a log with checkpoints', () => {
  const other = newSigner('example.org/host');
  const resign = (path: string, from: number): string[] =>
    notesOf(path).map((note, index) => {
      const checkpoint = parseCheckpoint(note);
      return index >= from && checkpoint ? signCheckpoint(checkpoint, other) : note;
    });
  const put = (path: string, notes: string[]) =>
    writeFileSync(checkpointsPath(path), notes.map((note) => `${note}\n`).join(''));

  /** What an attacker does who can write everything but has not the key: log, tip file, checkpoints. */
  const attacks: Array<[string, (path: string, lines: string[]) => void, string, number | null, string]> = [
    [
      'tail cut at a line end',
      (path, lines) => writeFileSync(path, joined(lines.slice(0, 25))),
      'truncated',
      null,
      'of 33 lines',
    ],
    [
      'last line replaced',
      (path, lines) => writeFileSync(path, joined(lines.with(33, sealed(event(7), 34, hashOf(lines[32] ?? ''))))),
      'tampered',
      34,
      'lines 34 to 34',
    ],
    [
      'whole rewrite',
      (path, lines) => writeFileSync(path, joined(chain(lines.map((_, i) => event(i + 50))))),
      'tampered',
      1,
      'of another log',
    ],
    [
      'rewrite behind the first line',
      (path, lines) =>
        writeFileSync(
          path,
          joined([
            lines[0] ?? '',
            ...chain(
              lines.slice(1).map((_, i) => event(i)),
              2,
              hashOf(lines[0] ?? ''),
            ),
          ]),
        ),
      'tampered',
      1,
      'lines 1 to 11',
    ],
    [
      'fork',
      (path, lines) =>
        writeFileSync(
          path,
          joined([
            ...lines.slice(0, 30),
            ...chain(
              lines.slice(30).map((_, i) => event(i)),
              31,
              hashOf(lines[29] ?? ''),
            ),
          ]),
        ),
      'tampered',
      23,
      'lines 23 to 33',
    ],
    ['wiped', (path) => writeFileSync(path, ''), 'truncated', null, 'of 11 lines'],
    ['a checkpoint removed', (path) => put(path, notesOf(path).toSpliced(1, 1)), 'tampered', 22, 'line 22 announces'],
    [
      'the last checkpoint removed',
      (path) => put(path, notesOf(path).slice(0, -1)),
      'tampered',
      34,
      'line 34 announces',
    ],
    ['all checkpoints removed', (path) => rmSync(checkpointsPath(path)), 'tampered', null, 'no checkpoint'],
    [
      'signed with another key of the same name',
      (path) => put(path, resign(path, 2)),
      'tampered',
      null,
      'not signed by a known key',
    ],
    [
      'a checkpoint of another log',
      (path) =>
        put(path, [
          ...notesOf(path),
          signCheckpoint({ origin: originOf('0'.repeat(64)), size: 34, root: Buffer.alloc(32) }, key),
        ]),
      'tampered',
      1,
      'of another log',
    ],
    ['checkpoints swapped', (path) => put(path, notesOf(path).reverse()), 'tampered', null, 'stands behind'],
    [
      'a signature changed',
      (path) =>
        put(
          path,
          notesOf(path).map((note) => note.replace(/\n34\n/, '\n33\n')),
        ),
      'tampered',
      null,
      'wrong signature',
    ],
    [
      'rubbish between them',
      (path) => put(path, notesOf(path).toSpliced(1, 0, 'x'.repeat(3000))),
      'tampered',
      null,
      'part of none',
    ],
  ];
  it('one that a killed writer had announced is missing, and it is said that this may be why', async () => {
    const path = await written();
    put(path, notesOf(path).slice(0, -1));
    const known = await readTip(path);
    const tip = await TipFile.open(path);
    await tip.reopen(known ?? emptyTip);
    await tip.close();
    expect(await verifyFile(path, { keys })).toMatchObject({
      verdict: 'tampered',
      first_bad_line: 34,
      reason: expect.stringContaining('killed before it signed it'),
    });
  });

  it.each(attacks)('%s is found', async (_, attack, verdict, line, reason) => {
    const path = await written();
    const lines = linesOf(path);
    attack(path, lines);
    rmSync(tipPath(path));
    const result = await verifyFile(path, { keys });
    expect(result).toMatchObject({ verdict, first_bad_line: line, checks: { checkpoints: 'failed' } });
    expect(result.reason).toContain(reason);
    // The chain alone sees none of these.
    const blind = await verifyFile(path, { checkpoints: false });
    expect(blind).toMatchObject({ checks: { chain: 'ok', checkpoints: 'absent' } });
    expect(['intact', 'empty']).toContain(blind.verdict);
  });

  it('sees without any key that checkpoints are missing or do not fit', async () => {
    const path = await written();
    const notes = notesOf(path);
    put(path, notes.slice(0, 2));
    expect(await verifyFile(path)).toMatchObject({ verdict: 'tampered', first_bad_line: 33 });
    rmSync(checkpointsPath(path));
    expect(await verifyFile(path)).toMatchObject({
      verdict: 'tampered',
      first_bad_line: 11,
      checks: { checkpoints: 'failed' },
    });
    expect(await verifyFile(path, { checkpoints: false })).toMatchObject({ verdict: 'intact' });
  });

  it('is found by an old copy of the checkpoints, kept elsewhere', async () => {
    const path = await written();
    const copy = join(folder(), 'copy');
    writeFileSync(copy, notesOf(path).join('\n'));
    // Root has the key, and signs what it likes.
    rmSync(path);
    for (const besides of [tipPath(path), checkpointsPath(path), treePath(path)]) rmSync(besides);
    const writer = await AuditWriter.open(path, { checkpoints: { key, everyEvents: 10 } });
    for (let index = 0; index < 30; index += 1) writer.append(event(index + 100));
    await writer.close();
    expect(await verifyFile(path, { keys })).toMatchObject({ verdict: 'intact', checks: { checkpoints: 'ok' } });
    expect(await verifyFile(path, { keys, checkpoints: copy })).toMatchObject({
      verdict: 'tampered',
      checks: { checkpoints: 'failed' },
    });
    await expect(verifyFile(path, { checkpoints: join(folder(), 'absent') })).rejects.toMatchObject({ exitCode: 2 });
  });

  it('does not take a note that is being written for one', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { checkpoints: { key, everyEvents: 5 } });
    for (let index = 0; index < 12; index += 1) writer.append(event(index));
    await writer.flush();
    await vi.waitFor(() => expect(notesOf(path).length).toBe(2));
    const whole = readFileSync(checkpointsPath(path));
    appendFileSync(checkpointsPath(path), 'agentgov.log/half');
    expect(await verifyFile(path, { keys })).toMatchObject({
      verdict: 'intact',
      live: true,
      checks: { checkpoints: 'ok' },
    });
    writeFileSync(checkpointsPath(path), whole);
    await writer.close();
  });
});

describe('agentgov keys', () => {
  it('makes a key and shows its public part', async () => {
    const file = join(folder(), 'k');
    let out = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      out += String(chunk);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    const run = (...args: string[]) => keysCommand().parseAsync(['node', 'keys', ...args]);
    await run('new', '--key', file, '--name', 'example.org/me');
    await run('show', '--key', file);
    const [made, shown] = out.split('\n');
    await expect(run('new', '--key', file)).rejects.toMatchObject({ exitCode: 2 });
    vi.restoreAllMocks();
    expect(made).toMatch(/^example\.org\/me\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/);
    expect(shown).toBe(made);
    expect(readFileSync(file, 'utf8')).toMatch(/^PRIVATE\+KEY\+example\.org\/me\+/);
  });
});
