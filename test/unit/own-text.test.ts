import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, vi } from 'vitest';
import { Joiner, Origins } from '../../src/cause/index.js';
import { Secrets } from '../../src/tls/secrets.js';
import { redactor } from './tls/tap.js';

vi.setConfig({ testTimeout: 60_000 });
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const held = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

const COUNT = 60;

/** A text of its own each time, and no rope. */
const long = (beginning: string, length: number): string =>
  Buffer.from(beginning.padEnd(length, 'x y')).toString('latin1');

it.each<[string, string, number, () => (text: string, i: number) => unknown]>([
  [
    'of arguments',
    'see /tmp/a-folder/that-has-a-long-name/',
    1 << 20,
    () => {
      const joiner = new Joiner(new Origins(redactor));
      return (args, i) => joiner.tool({ seq: i, tsUs: i, args, hmac: String(i) });
    },
  ],
  [
    'of a name',
    'the-name-of-a-tool-',
    1 << 20,
    () => {
      const secrets = new Secrets(redactor);
      const kept: unknown[] = [];
      return (text) => kept.push(secrets.word(text));
    },
  ],
  [
    'that is a secret',
    'https://u@h/?api_key=the-key-of-number-',
    1 << 17,
    () => {
      const secrets = new Secrets(redactor);
      return (text) => secrets.clean(text, 'words');
    },
  ],
])('what is kept %s does not keep the rest', (_name, beginning, length, begin) => {
  const take = begin();
  const before = held();
  for (let i = 0; i < COUNT; i++) take(long(`${beginning}${i} `, length), i);
  expect(held() - before).toBeLessThan((COUNT * length) / 4);
  // What took them is still there.
  expect(take).toBeDefined();
});
