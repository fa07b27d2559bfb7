import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonical } from '../../../src/audit/index.js';
import { JsonError, readMembers, recanonicalise } from '../../../src/audit/python-json.js';

interface Vector {
  name: string;
  input_json_text: string;
  python_canonical: string;
  sha256: string;
}
interface Reject {
  name: string;
  input_json_text: string | null;
  python_error: string;
}

function rows<Row>(name: string): Row[] {
  const text = readFileSync(new URL(`../../vectors/${name}`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

const vectors = rows<Vector>('canonical-vectors.jsonl');
const rejects = rows<Reject>('canonical-rejects.jsonl');

describe('canonical form', () => {
  it('has all the vectors to be held against', () => {
    expect([vectors.length, rejects.length]).toEqual([154, 26]);
  });

  it.each(vectors)('writes $name as Python does', ({ input_json_text, python_canonical, sha256 }) => {
    const text = recanonicalise(input_json_text);
    expect(text).toBe(python_canonical);
    expect(createHash('sha256').update(text, 'utf8').digest('hex')).toBe(sha256);
  });

  it.each(vectors)('is at rest: $name', ({ python_canonical }) => {
    expect(recanonicalise(python_canonical)).toBe(python_canonical);
  });

  it.each(rejects)('refuses $name', ({ name, input_json_text }) => {
    const text = input_json_text ?? '['.repeat(100_000) + ']'.repeat(100_000);
    expect(name === 'deep-100000').toBe(input_json_text === null);
    expect(() => recanonicalise(text)).toThrow(JsonError);
  });

  it('refuses what Python refuses at the edges and accepts what lies just inside', () => {
    expect(recanonicalise('9'.repeat(4300))).toHaveLength(4300);
    expect(recanonicalise(`-${'9'.repeat(4300)}`)).toHaveLength(4301);
    expect(() => recanonicalise(`-${'9'.repeat(4301)}`)).toThrow('4300 digits at character 1');
    expect(recanonicalise('['.repeat(990) + ']'.repeat(990))).toHaveLength(1980);
    expect(() => recanonicalise('['.repeat(991) + ']'.repeat(991))).toThrow(JsonError);
    expect(() => recanonicalise(`${'{"a":'.repeat(991)}1${'}'.repeat(991)}`)).toThrow(JsonError);
  });

  it('keeps a key named __proto__ and the last of repeated keys', () => {
    const members = readMembers('{"__proto__":{"x":1},"a":1,"\\u0061":2}');
    expect([...(members ?? [])]).toEqual([
      ['__proto__', '{"x": 1}'],
      ['a', '2'],
    ]);
  });

  it('sorts a lone surrogate before the pairs that begin with it, whatever follows it', () => {
    // Python: sorted(["\U0001f602", "\ud83d\ue000", "\ud83d"]), by ord().
    const text = '{"\\ud83d\\ude02": 1, "\\ud83d\\ue000": 2, "\\ud83d": 3}';
    expect(recanonicalise(text)).toBe('{"\\ud83d": 3, "\\ud83d\\ue000": 2, "\\ud83d\\ude02": 1}');
  });

  it('gives no members for JSON that is no object', () => {
    expect(readMembers('[1]')).toBeUndefined();
    expect(readMembers('"{}"')).toBeUndefined();
    expect(() => readMembers('[1] 2')).toThrow(JsonError);
  });
});

describe('canonical(event)', () => {
  it('agrees with the reading side on every vector that a record can hold', () => {
    let held = 0;
    for (const { input_json_text, python_canonical } of vectors) {
      if (!python_canonical.startsWith('{')) continue;
      const event = JSON.parse(input_json_text.replace('NaN', '0.5')) as Record<string, string>;
      const plain = Object.values(event).every(
        (value: unknown) =>
          typeof value === 'string' ||
          typeof value === 'boolean' ||
          (Number.isSafeInteger(value) && value !== 1763837000),
      );
      if (!plain) continue;
      expect(canonical(event)).toBe(python_canonical);
      held += 1;
    }
    expect(held).toBeGreaterThan(15);
  });

  it('writes arrays of strings, booleans and negative zero', () => {
    expect(canonical({ b: ['x', 'é'], a: true, c: -0, d: [], e: false, f: -7 })).toBe(
      '{"a": true, "b": ["x", "\\u00e9"], "c": 0, "d": [], "e": false, "f": -7}',
    );
  });

  it.each([
    ['a float', 1.5],
    ['an integer that is not safe', 2 ** 53],
    ['null', null],
    ['NaN', Number.NaN],
    ['an object', {}],
    ['undefined', undefined],
    ['an array with a number', ['a', 1]],
  ])('refuses %s', (_, value) => {
    expect(() => canonical({ pid: 1, bad: value } as unknown as Record<string, string>)).toThrow('event field bad');
  });
});
