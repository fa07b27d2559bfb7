import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../src/tls/json.js';
import { random, scaled } from '../../scale.js';

describe('parseJson', () => {
  it('gives what JSON.parse gives, of documents and of what is nearly one', () => {
    const draw = random('json');
    const parts = ['{', '}', '[', ']', '"', '\\', '\\"', '\\\\', ',', ':', '1', 'a', 'true', 'null', ' ', '\n', 'é'];
    const documents = ['{"a":"\\\\","b":["x\\"y",{}]}', '"\\\\\\""', ' [1,"]"]', '-1', 'false'];
    let parsed = 0;
    for (let round = 0; round < scaled(200_000); round++) {
      const at = Math.floor(draw() * documents.length);
      const whole = documents[at] as string;
      const cut = Math.floor(draw() * (whole.length + 1));
      const more = parts[Math.floor(draw() * parts.length)] as string;
      const text = round % 3 === 0 ? whole : whole.slice(0, cut) + more + whole.slice(cut + (round % 2));
      let expected: unknown;
      try {
        expected = JSON.parse(text);
        parsed += 1;
      } catch {
        expected = undefined;
      }
      expect(parseJson(text), text).toEqual(expected);
    }
    expect(parsed).toBeGreaterThan(scaled(200_000) / 4);
  });

  it.each([
    ['too deep', '['.repeat(300) + ']'.repeat(300), false],
    ['deep enough', '['.repeat(200) + ']'.repeat(200), true],
    ['too many values', `[${'1,'.repeat(250_000)}1]`, false],
    ['as many inside a text', JSON.stringify([',[{'.repeat(250_000)]), true],
    ['as many behind an escaped quote', JSON.stringify([`\\"${',[{'.repeat(250_000)}`]), true],
    ['too many behind a text that ends in a backslash', `["\\\\"${',1'.repeat(250_000)}]`, false],
  ])('bounds what is %s', (_name, text, isRead) => {
    expect(parseJson(text) !== undefined).toBe(isRead);
  });
});
