// A line is judged alike whatever other lines were seen before.
import { describe, expect, it } from 'vitest';
import { nothingFound, scanLine } from '../../../src/audit/scan.js';
import { bytesOf } from '../../../src/audit/scan-value.js';
import { Templates } from '../../../src/audit/templates.js';
import { random } from '../../scale.js';
import { event, PIECES, sealed, ZEROS } from './logs.js';

const draw = random('templates');
const below = (end: number): number => Math.floor(draw() * end);
const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;

const bytesIn = (line: string) => bytesOf(Buffer.from(`${line}\n`, 'latin1'));

/** What a scan finds, and which way is not said. */
function outcome(scan: (found: ReturnType<typeof nothingFound>) => boolean) {
  const found = nothingFound();
  if (!scan(found)) return undefined;
  const { end, seq, prevAt, selfAt, count, type, action } = found;
  return { end, seq, prevAt, selfAt, count, type, action };
}

const VALUES = ['a', '', 'a longer text that is more than eight bytes', 'é"\\\u0001', 7, 1234567, true, ['x', 'y'], []];
const TYPES = ['file_open', 'file_close', 'events_lost', 'checkpoint'];

/** A record with some of a few members, as the events of one log have. */
function record(index: number) {
  const optional = ['count', 'errno', 'path', 'z'].filter(() => below(4) > 0);
  return {
    ...event(index),
    event_type: pick(TYPES),
    action: pick(['OBSERVED', 'BLOCKED']),
    ...Object.fromEntries(optional.map((key) => [key, pick(VALUES)])),
  };
}

describe('templates', () => {
  it('find in each of 20,000 lines, whole or changed, what the scanner finds', () => {
    const pieces = [...PIECES, '\xff', '\n'];
    const templates = new Templates();
    let accepted = 0;
    for (let round = 0; round < 20_000; round += 1) {
      let line = sealed(record(round), 1 + round, ZEROS);
      if (below(2) === 1) {
        const at = below(line.length + 1);
        line = line.slice(0, at) + pick(pieces) + line.slice(at + below(3));
      }
      const bytes = bytesIn(line);
      const plain = outcome((found) => scanLine(bytes, 0, found));
      expect(
        outcome((found) => templates.scan(bytes, 0, found)),
        line,
      ).toEqual(plain);
      if (plain) accepted += 1;
    }
    expect(accepted).toBeGreaterThan(8_000);
  }, 60_000);

  it('know a line that has only other values without parsing it', () => {
    const templates = new Templates();
    const lines = [1, 2, 3].map((index) => sealed({ ...event(index), path: `/tmp/${index}` }, index, ZEROS));
    const parsed = lines.map((line) => {
      const found = nothingFound();
      expect(templates.scan(bytesIn(line), 0, found)).toBe(true);
      // Only the scanner counts members.
      return found.members > 0;
    });
    expect(parsed).toEqual([true, true, false]);
  });

  it('stop learning from a log that has no two lines alike', () => {
    const templates = new Templates();
    for (let round = 0; round < 2_000; round += 1) {
      const bytes = bytesIn(sealed({ ...event(round), [`key_${round}`]: 1 }, 1, ZEROS));
      expect(templates.scan(bytes, 0, nothingFound())).toBe(true);
    }
    const line = bytesIn(sealed({ ...event(1), one_more: 1 }, 1, ZEROS));
    templates.scan(line, 0, nothingFound());
    const again = nothingFound();
    templates.scan(line, 0, again);
    expect(again.members).toBeGreaterThan(0);
  });
});
