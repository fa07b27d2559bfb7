// Bytes come in pieces of any size: what is made of them must not depend on it.
import { expect } from 'vitest';
import { random, scaled } from '../../scale.js';
import { chunksOf, hear, type Turn } from './tap.js';

/** The turns with one more boundary, after so many bytes of all. */
function cutAt(turns: readonly Turn[], at: number): Turn[] {
  let left = at;
  return turns.flatMap(({ direction, bytes }) => {
    const here = left;
    left -= bytes.length;
    if (here <= 0 || here >= bytes.length) return [{ direction, bytes }];
    return [
      { direction, bytes: bytes.subarray(0, here) },
      { direction, bytes: bytes.subarray(here) },
    ];
  });
}

const withoutTime = (events: readonly object[]) => events.map((event) => ({ ...event, ts_us: 0 }));

/** Byte by byte, and with one more boundary at so many random places (in the full lane). */
export function expectTheSameHoweverCut(turns: readonly Turn[], places: number): void {
  const whole = withoutTime(hear(chunksOf(turns)).events);
  expect(withoutTime(hear(chunksOf(turns, 'c1', 1)).events)).toEqual(whole);
  const total = turns.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const draw = random(`cuts of ${places}`);
  for (let round = 0; round < scaled(places); round++) {
    const at = Math.floor(draw() * total);
    expect(withoutTime(hear(chunksOf(cutAt(turns, at))).events), `cut at ${at}`).toEqual(whole);
  }
}
