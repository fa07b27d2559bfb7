// Ranges of a file give each whole line to exactly one reader.
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { RANGE, RangeReader } from '../../../src/audit/ranges.js';
import { random, scaled } from '../../scale.js';
import { folder } from './logs.js';

const draw = random('ranges');
const below = (end: number): number => Math.floor(draw() * end);
const reader = new RangeReader();

function opened(content: Buffer | string): number {
  const path = join(folder(), 'log');
  writeFileSync(path, content);
  const fd = openSync(path, 'r');
  onTestFinished(() => closeSync(fd));
  return fd;
}

/** What the readers of these ranges get, in order; each must go on where the last one has stopped. */
function readAll(fd: number, cuts: readonly number[]): string {
  let text = '';
  for (const [index, to] of cuts.entries()) {
    const lines = reader.read(fd, cuts[index - 1] ?? 0, to);
    if (lines === undefined) throw new Error('a line is too long');
    if (lines.start === lines.end) continue;
    expect(lines.start).toBe(text.length);
    expect(lines.end - lines.start).toBe(lines.bytes.length);
    text += lines.bytes.toString('latin1');
  }
  return text;
}

it('covers each line once, wherever the cuts are', () => {
  for (let round = 0; round < scaled(200); round += 1) {
    const lines = Array.from({ length: below(12) }, () => 'x'.repeat(below(5)));
    const whole = lines.map((line) => `${line}\n`).join('');
    const content = whole + (round % 2 === 0 ? '' : 'torn');
    const fd = opened(content);
    const cuts = Array.from({ length: content.length }, (_, index) => index + 1);
    const chosen = cuts.filter((cut) => cut === content.length || below(3) === 0);
    expect(readAll(fd, chosen), JSON.stringify([content, chosen])).toBe(whole);
  }
});

it('reads on behind a range for the end of its last line, but not for ever', () => {
  const line = (length: number): string => `${'x'.repeat(length - 1)}\n`;
  const fits = line(10) + line(RANGE + 100_000) + line(10);
  expect(readAll(opened(fits), [RANGE, fits.length])).toBe(fits);
  const long = opened(line(10) + line(3 * RANGE));
  expect(reader.read(long, 0, RANGE)).toBeUndefined();
  expect(reader.read(long, RANGE, 2 * RANGE)).toMatchObject({ start: 2 * RANGE, end: 2 * RANGE });
});

it('takes a file that has become shorter as one that ends there', () => {
  const fd = opened('a\nb');
  expect(reader.read(fd, 0, 100)).toMatchObject({ start: 0, end: 2 });
  expect(reader.read(fd, 50, 100)).toMatchObject({ start: 100, end: 100 });
});
