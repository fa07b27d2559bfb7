// Lines that are checked in pieces, elsewhere and without what came before, come to the same as when they are checked in
// one go.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { build } from 'tsup';
import { describe, expect, it } from 'vitest';
import { ChainCheck, reportOnLines } from '../../../src/audit/chain-check.js';
import { LeafRange } from '../../../src/audit/merkle.js';
import { Templates } from '../../../src/audit/templates.js';
import { random, scaled } from '../../scale.js';
import { chain, event, folder, hashOf, joined, makeLines, sealed, ZEROS } from './logs.js';

const draw = random('blocks');
const below = (end: number): number => Math.floor(draw() * end);
const WATCHED = [1, 17, 40, 99, 100];
const SIGNED = [1, 17, 32, 40, 99, 100];

function fresh(): ChainCheck {
  const check = new ChainCheck(
    { count: 0, hash: ZEROS },
    {
      watched: new Set(),
      signed: Float64Array.of(...SIGNED),
      removed: new Set(['audit-000001.jsonl 1 9']),
    },
  );
  check.growTree(new LeafRange());
  check.watch(WATCHED);
  return check;
}

const outcome = (check: ChainCheck, fault: unknown) => ({
  fault,
  form: check.formFault,
  events: check.events,
  tip: check.tip,
  first: [check.firstSeq, check.firstHash],
  lost: check.lost,
  findings: check.findings,
  unsigned: check.unsigned,
  told: [...check.told],
  hashes: WATCHED.map(check.hashAt),
  roots: SIGNED.map((seq) => check.rootAt(seq)).map((root) => root && Buffer.from(root).toString('hex')),
});

function inOneGo(lines: string[]) {
  const check = fresh();
  return outcome(check, check.lines(Buffer.from(joined(lines))));
}

function inPieces(lines: string[]) {
  const check = fresh();
  const templates = new Templates();
  for (let at = 0; at < lines.length; ) {
    const next = at + 1 + below(30);
    const piece = joined(lines.slice(at, next));
    const report = reportOnLines(Buffer.from(piece), fresh().expected, true, templates);
    // As it arrives from another thread.
    if (report === undefined || !check.absorb(structuredClone(report))) {
      const fault = check.lines(Buffer.from(piece));
      expect(fault).toBeDefined();
      return outcome(check, fault);
    }
    at = next;
  }
  return outcome(check, undefined);
}

const lines = chain(
  Array.from({ length: 100 }, (_, index) => {
    if (index % 23 === 0) return { ...event(index), event_type: 'events_lost', count: index };
    if (index === 50)
      return { ...event(index), event_type: 'log_pruned', path: '/a/audit-000001.jsonl', first_seq: 1, last_seq: 9 };
    if (index === 51)
      return { ...event(index), event_type: 'log_pruned', path: '/a/other.jsonl', first_seq: 1, last_seq: 9 };
    if (index % 31 === 0) return { ...event(index), event_type: 'checkpoint' };
    return { ...event(index), action: index % 11 === 0 ? 'WOULD_BLOCK' : 'OBSERVED' };
  }),
);
const at = (index: number): string => lines[index] ?? '';

describe('blocks', () => {
  it('come to the same as the whole, for a log that holds', () => {
    const whole = inOneGo(lines);
    expect(whole).toMatchObject({ fault: undefined, events: 100, unsigned: 63, told: ['audit-000001.jsonl 1 9'] });
    expect(whole.roots).not.toContain(undefined);
    for (let round = 0; round < 50; round += 1) expect(inPieces(lines)).toEqual(whole);
  });

  it.each(['checkpoint', 'log_pruned', 'events_lost'])('of nothing but %s are no more to remember', (type) => {
    const bytes = [200, scaled(20_000)].map((count) => {
      const fields = { event_type: type, path: '/a/audit-000001.jsonl', first_seq: 1, last_seq: 9 };
      const hostile = chain(Array.from({ length: count }, (_, index) => ({ ...event(index), ...fields })));
      const report = reportOnLines(Buffer.from(joined(hostile)), fresh().expected, false, new Templates());
      expect(report?.events).toBe(count);
      return serialize(report).length;
    });
    // Numbers get longer.
    expect(Math.abs((bytes[1] ?? 0) - (bytes[0] ?? 0))).toBeLessThan(100);
  });

  it('come to the same as the whole, wherever it is broken', () => {
    const attacks: Array<(place: number) => string[]> = [
      (place) => lines.with(place, at(place).replace('docs', 'dogs')),
      (place) => lines.toSpliced(place, 1),
      (place) => lines.toSpliced(place, 0, at(place)),
      (place) => lines.with(place, `${at(place)} `),
      (place) => lines.with(place, at(place).replace(': ', ':  ')),
      (place) => lines.with(place, 'no JSON'),
      (place) => lines.with(place, ''),
      (place) => lines.with(place, '{}'),
      (place) => lines.with(place, sealed(event(place), place + 1, '1'.repeat(64))),
      (place) => lines.with(place, sealed(event(place + 5), place + 1, hashOf(lines[place - 1] ?? ''))),
      (place) =>
        lines.with(
          place,
          at(place).replace(/"hash_self": ".{9}/, (text) => `${text.slice(0, -1)}"`),
        ),
    ];
    for (let round = 0; round < 400; round += 1) {
      const attack = attacks[round % attacks.length];
      const content = attack?.(1 + below(98)) ?? [];
      expect(inPieces(content), JSON.stringify(content)).toEqual(inOneGo(content));
    }
  });
});

it('gives the same verdict with threads and without', async () => {
  const place = folder();
  const audit = new URL('../../../src/audit/', import.meta.url).pathname;
  const program = `
import { verifyFile } from './index.js';
console.log(JSON.stringify(await verifyFile(process.argv[2], { checkpoints: false })));
`;
  for (const name of ['with', 'without']) {
    const outDir = join(place, name);
    await build({
      entry: {
        index: join(audit, 'index.ts'),
        ...(name === 'with' ? { 'audit-worker': join(audit, 'worker.ts') } : {}),
      },
      outDir,
      format: 'esm',
      platform: 'node',
      outExtension: () => ({ js: '.js' }),
      config: false,
      silent: true,
    });
    writeFileSync(join(outDir, 'package.json'), '{"type": "module"}');
    writeFileSync(join(outDir, 'verify.js'), program);
  }
  const all = makeLines(50_000);
  const log = join(place, 'audit.jsonl');
  const run = (name: string): string => {
    const { stdout, stderr } = spawnSync(process.execPath, [join(place, name, 'verify.js'), log], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout;
  };
  for (let round = 0; round <= scaled(10); round += 1) {
    const bad = round === 0 ? undefined : below(all.length);
    writeFileSync(log, joined(bad === undefined ? all : all.with(bad, (all[bad] ?? '').replace('docs', 'dogs'))));
    const result = run('with');
    expect(JSON.parse(result)).toMatchObject(
      bad === undefined ? { verdict: 'intact', events: 50_000 } : { verdict: 'tampered', first_bad_line: bad + 1 },
    );
    expect(result).toBe(run('without'));
  }
}, 120_000);
