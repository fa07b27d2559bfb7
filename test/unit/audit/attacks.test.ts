// The table of attacks in docs/audit-format.md: each is made, and what finds it, at which line, is what the table says.
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { checkpointsPath, originOf, signCheckpoint, splitNotes } from '../../../src/audit/checkpoint.js';
import { AuditWriter, type VerifyOptions, verifyFile } from '../../../src/audit/index.js';
import { newSigner } from '../../../src/audit/note.js';
import { tipPath } from '../../../src/audit/tip-file.js';
import { scratch } from '../../support/scratch.js';
import { chain, event, hashOf, joined, sealed } from './logs.js';

vi.setConfig({ testTimeout: 60_000 });

const page = new URL('../../../docs/audit-format.md', import.meta.url);
const key = newSigner('example.org/host');
const stranger = newSigner('example.org/host');
const folder = scratch();

/** A log of 30 events and 5 checkpoints, after every 10 events and at both ends, and what it was after 12 lines. */
const original = join(folder, 'original');
const younger = join(folder, 'younger');
let lines: string[];

beforeAll(async () => {
  const path = join(original, 'audit.jsonl');
  const options = { makeFolder: true, checkpoints: { key, everyEvents: 10 } };
  const first = await AuditWriter.open(path, options);
  for (let index = 0; index < 10; index += 1) first.append(event(index));
  await first.close();
  cpSync(original, younger, { recursive: true });
  const second = await AuditWriter.open(path, options);
  for (let index = 10; index < 30; index += 1) second.append(event(index));
  await second.close();
  lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
});

const at = (index: number): string => lines[index] ?? '';
const put = (path: string, content: string[]): void => writeFileSync(path, joined(content));
const notes = (path: string): string[] => splitNotes(readFileSync(checkpointsPath(path), 'utf8'));
const putNotes = (path: string, content: string[]): void =>
  writeFileSync(checkpointsPath(path), content.map((note) => `${note}\n`).join(''));
const others = (count: number, from: number, prev?: string): string[] =>
  chain(
    Array.from({ length: count }, (_, index) => event(index + 500)),
    from,
    prev,
  );

/** What everybody can do who may write the log, what it takes to write what lies beside it, and what root can do. */
const attacks: Array<[string, (path: string) => void | Promise<void>]> = [
  ['a line edited', (path) => put(path, lines.with(14, at(14).replace('docs', 'dogs')))],
  [
    'a line edited, its own hash recomputed',
    (path) => put(path, lines.with(14, sealed({ ...event(14), uid: 0 }, 15, hashOf(at(13))))),
  ],
  ['a line removed from the middle', (path) => put(path, lines.toSpliced(14, 1))],
  ['two lines swapped', (path) => put(path, lines.with(14, at(15)).with(15, at(14)))],
  ['a line doubled', (path) => put(path, lines.toSpliced(15, 0, at(14)))],
  ['a line inserted', (path) => put(path, lines.toSpliced(15, 0, sealed(event(99), 16, hashOf(at(14)))))],
  ['a gap in `seq`', (path) => put(path, [...lines.slice(0, 15), ...others(5, 18, hashOf(at(14)))])],
  ['the tail cut inside a line', (path) => writeFileSync(path, joined(lines).slice(0, -20))],
  ['the tail cut at a line end', (path) => put(path, lines.slice(0, 30))],
  [
    'the last line replaced',
    (path) => put(path, lines.with(-1, sealed(event(99), lines.length, hashOf(at(-2 + lines.length))))),
  ],
  ['lines added', (path) => put(path, [...lines, ...others(3, lines.length + 1, hashOf(at(lines.length - 1)))])],
  ['everything rewritten', (path) => put(path, others(lines.length, 1))],
  [
    'a fork: the first lines kept, others behind them',
    (path) => put(path, [...lines.slice(0, 20), ...others(20, 21, hashOf(at(19)))]),
  ],
  [
    'the beginning cut, the rest renumbered',
    (path) => put(path, chain(Array.from({ length: 20 }, (_, index) => event(index + 10)))),
  ],
  ['the log emptied', (path) => writeFileSync(path, '')],
  ['an older copy of the log put back', (path) => cpSync(join(younger, 'audit.jsonl'), path)],
  [
    'an older copy of the log and all that lies beside it',
    (path) => {
      rmSync(dirname(path), { recursive: true });
      cpSync(younger, dirname(path), { recursive: true });
    },
  ],
  [
    'the log and all that lies beside it removed, a new log begun',
    async (path) => {
      rmSync(dirname(path), { recursive: true });
      const writer = await AuditWriter.open(path, { makeFolder: true });
      for (let index = 0; index < 40; index += 1) writer.append(event(index + 500));
      await writer.close();
    },
  ],
  [
    'the same by whoever has the key, and signed',
    async (path) => {
      rmSync(dirname(path), { recursive: true });
      const writer = await AuditWriter.open(path, { makeFolder: true, checkpoints: { key, everyEvents: 10 } });
      for (let index = 0; index < 40; index += 1) writer.append(event(index + 500));
      await writer.close();
    },
  ],
  ['a checkpoint removed', (path) => putNotes(path, notes(path).toSpliced(1, 1))],
  ['the newest checkpoint removed', (path) => putNotes(path, notes(path).slice(0, -1))],
  [
    'a checkpoint of another log added',
    (path) =>
      putNotes(path, [
        ...notes(path),
        signCheckpoint({ origin: originOf('0'.repeat(64)), size: lines.length, root: Buffer.alloc(32) }, key),
      ]),
  ],
  [
    'checkpoints signed by another key of the same name',
    (path) =>
      putNotes(
        path,
        notes(path).map((note) => {
          const [origin = '', size = '', root = ''] = note.split('\n');
          return signCheckpoint({ origin, size: Number(size), root: Buffer.from(root, 'base64') }, stranger);
        }),
      ),
  ],
];

const COLUMNS = ['the chain alone', 'the tip file', '`--state`', 'checkpoints, `--vkey`', 'a copy of them elsewhere'];

/** What each layer makes of an attacked log. */
function layers(path: string): Array<[VerifyOptions, (path: string) => void]> {
  const copy = checkpointsPath(join(original, 'audit.jsonl'));
  const last = { count: lines.length, hash: hashOf(at(lines.length - 1)) };
  const withoutTip = () => rmSync(tipPath(path), { force: true });
  return [
    [{ checkpoints: false }, withoutTip],
    [{ checkpoints: false }, () => {}],
    [{ checkpoints: false, remembered: last }, withoutTip],
    [{ keys: [key] }, withoutTip],
    [{ keys: [key], checkpoints: copy }, withoutTip],
  ];
}

/** A cell of the table. */
async function found(path: string, options: VerifyOptions): Promise<string> {
  const { verdict, first_bad_line: line } = await verifyFile(path, options);
  if (verdict === 'intact' || verdict === 'empty') return '—';
  if (line !== null) return `line ${line}`;
  return verdict === 'truncated' ? 'the end' : 'found';
}

async function row(name: string, attack: (path: string) => void | Promise<void>): Promise<string> {
  const cells: string[] = [];
  for (const index of COLUMNS.keys()) {
    const place = join(folder, `attack-${cells.length}`);
    rmSync(place, { recursive: true, force: true });
    cpSync(original, place, { recursive: true });
    const path = join(place, 'audit.jsonl');
    await attack(path);
    const [options, prepare] = layers(path)[index] ?? [{}, () => {}];
    prepare(path);
    cells.push(existsSync(path) ? await found(path, options) : '?');
  }
  return `| ${[name, ...cells].join(' | ')} |`;
}

const HEAD = `| attack | ${COLUMNS.join(' | ')} |`;

describe('the table of attacks in docs/audit-format.md', () => {
  it('is what verify finds (UPDATE_DOCS=1 writes it)', async () => {
    const rows: string[] = [];
    for (const [name, attack] of attacks) rows.push(await row(name, attack));
    const table = [HEAD, `|${'---|'.repeat(COLUMNS.length + 1)}`, ...rows].join('\n');
    const text = readFileSync(page, 'utf8');
    const start = text.indexOf(HEAD);
    expect(start).toBeGreaterThan(0);
    const end = text.indexOf('\n\n', start);
    if (process.env.UPDATE_DOCS === '1') writeFileSync(page, text.slice(0, start) + table + text.slice(end));
    else expect(text.slice(start, end).split('\n')).toEqual(table.split('\n'));
    // Whatever is done to the log's own files, a copy elsewhere finds it.
    const missed = rows.filter((cells) => /— \|$/.test(cells)).map((cells) => cells.split(' | ')[0]);
    expect(missed).toEqual([
      '| lines added',
      '| a checkpoint removed',
      '| the newest checkpoint removed',
      '| a checkpoint of another log added',
      '| checkpoints signed by another key of the same name',
    ]);
  });

  it('is about a log that verifies in all of these ways before', async () => {
    expect(await row('nothing', () => {})).toBe(`| nothing${' | —'.repeat(COLUMNS.length)} |`);
  });
});
