import { expect, it } from 'vitest';
import { Origins } from '../../../src/cause/index.js';
import { redactor } from '../tls/tap.js';

const PRINT = /^[0-9a-f]{16}$/;

it('knows in which content a word came in first, by fingerprints that need the key', () => {
  const origins = new Origins(redactor);
  origins.learn('Pay to XX00DEMO31337 at https://pay.example/now.', 4);
  origins.learn('Again: xx00demo31337.', 9);
  const { words, isCut } = origins.trace('account xx00demo31337, from pay.example, not other.example');
  expect(words).toEqual([
    { word: 'xx00demo31337', seq: 4, print: expect.stringMatching(PRINT) },
    { word: 'pay.example', seq: 4, print: expect.stringMatching(PRINT) },
  ]);
  expect(words[0]?.print).toBe(redactor.hash().update('xx00demo31337').digest('hex').slice(0, 16));
  expect(isCut).toBe(false);
});

it('says when a text has more such words than it tells, and when it has forgotten some', () => {
  const origins = new Origins(redactor);
  const many = Array.from({ length: 20 }, (_, at) => `host-${at}.example`).join(' ');
  origins.learn(many, 1);
  expect(origins.trace(many)).toMatchObject({ words: { length: 16 }, isCut: true });
  for (let at = 0; at < 200; at++)
    origins.learn(Array.from({ length: 1000 }, (_, each) => `n-${at}-${each}`).join(' '), 2);
  expect(origins.trace('host-1.example')).toMatchObject({ words: [{ seq: 1 }], isCut: true });
});
