import { describe, expect, it } from 'vitest';
import { JsonError, recanonicalise } from '../../../src/audit/python-json.js';
import { nothingFound, SELF_CUT, SELF_HEAD, scanLine } from '../../../src/audit/scan.js';
import { bytesOf } from '../../../src/audit/scan-value.js';
import { random } from '../../scale.js';
import { event, PIECES, sealed, ZEROS } from './logs.js';

const scans = (line: Buffer): boolean => scanLine(bytesOf(Buffer.concat([line, Buffer.from('\n')])), 0, nothingFound());

/** What the slow path says, which the vectors hold to account. */
function isCanonical(line: Buffer): boolean {
  const text = line.toString('latin1');
  try {
    return /^[ -~]*$/.test(text) && recanonicalise(text) === text;
  } catch (error) {
    if (error instanceof JsonError) return false;
    throw error;
  }
}

describe('the byte scanner', () => {
  it('finds the parts of a line', () => {
    const line = sealed({ ...event(1), event_type: 'events_lost', count: 12 }, 7, 'a'.repeat(64));
    const bytes = Buffer.from(`....${line}\n{"next`);
    const found = nothingFound();
    expect(scanLine(bytesOf(bytes), 4, found)).toBe(true);
    const text = (from: number, to: number) => bytes.toString('latin1', from, to);
    expect(found).toMatchObject({
      seq: 7,
      count: 12,
      end: line.length + 4,
      type: 'events_lost',
      action: 'OBSERVED',
    });
    expect(text(found.prevAt, found.prevAt + 64)).toBe('a'.repeat(64));
    const cut = found.selfAt - SELF_HEAD;
    expect(text(cut, cut + SELF_CUT)).toMatch(/^, "hash_self": "[0-9a-f]{64}"$/);
  });

  // Values that stand in a line which is otherwise fine; true where the scanner must not need help.
  const values: Array<[string, boolean]> = [
    ['"plain"', true],
    ['"\\u0000\\u001f\\u007f\\u00e9\\ud83d\\"\\\\\\b\\f\\n\\r\\t"', true],
    ['-7', true],
    ['0', true],
    ['[]', true],
    ['["a", -1, true, false, null]', true],
    ['true', true],
    ['"\\u0041"', false],
    ['"\\u00E9"', false],
    ['"\\u000a"', false],
    ['"\\u000"', false],
    ['"\\/"', false],
    ['"\\x"', false],
    ['"\t"', false],
    ['"\x7f"', false],
    ['01', false],
    ['-0', false],
    ['-', false],
    ['', false],
    ['[ ]', false],
    ['[1,2]', false],
    ['[1, ]', false],
    ['truex', false],
    ['"a" ', false],
  ];
  it.each(values)('judges the value %j', (value, fine) => {
    const line = Buffer.from(
      `{"hash_prev": "${ZEROS}", "hash_self": "${ZEROS}", "seq": 1, "value": ${value}}`,
      'latin1',
    );
    expect(scans(line)).toBe(fine);
    expect(isCanonical(line)).toBe(fine);
  });

  it.each([
    ['keys out of order', `{"hash_self": "${ZEROS}", "hash_prev": "${ZEROS}", "seq": 1}`],
    ['a repeated key', `{"a": 1, "a": 1, "hash_prev": "${ZEROS}", "hash_self": "${ZEROS}", "seq": 1}`],
    ['a longer key first', `{"ab": 1, "a": 1, "hash_prev": "${ZEROS}", "hash_self": "${ZEROS}", "seq": 1}`],
    ['no seq', `{"hash_prev": "${ZEROS}", "hash_self": "${ZEROS}"}`],
    ['a short hash', `{"hash_prev": "${ZEROS}", "hash_self": "00", "seq": 1}`],
    ['something behind the record', `{"hash_prev": "${ZEROS}", "hash_self": "${ZEROS}", "seq": 1} `],
    ['nothing', ''],
    ['an empty object', '{}'],
  ])('leaves %s to the slow path', (_, line) => {
    expect(scans(Buffer.from(line))).toBe(false);
  });

  it('never accepts what is not canonical, in 20,000 random changes', () => {
    const draw = random('scanner');
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(draw() * items.length)] as Item;
    const pieces = [...PIECES, 'null', '"a": 1'];
    let accepted = 0;
    for (let round = 0; round < 20_000; round += 1) {
      const line = sealed({ ...event(round), text: 'a\u001f"b', list: [] }, 1 + (round % 9), ZEROS);
      const at = Math.floor(draw() * (line.length + 1));
      const cut = Math.floor(draw() * 4);
      const changed = Buffer.from(line.slice(0, at) + pick(pieces) + line.slice(at + cut), 'latin1');
      if (!scans(changed)) continue;
      // The chain compares the hashes; what stands in them is none of the scanner's business.
      const [start, end] = [line.indexOf('"hash_prev"'), line.indexOf('", "list"')];
      if (at + cut > start && at < end) continue;
      accepted += 1;
      expect(isCanonical(changed), changed.toString('latin1')).toBe(true);
    }
    // Changes within a string leave a canonical line often enough to make this a test.
    expect(accepted).toBeGreaterThan(500);
  }, 60_000);
});
