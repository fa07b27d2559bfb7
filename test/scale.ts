// How much a test does. `npm test` takes a tenth of the counts, chosen by a seed that it prints; `npm run test:full`
// takes all of them. The same test runs in both lanes.
import { createHash, randomInt } from 'node:crypto';

/** True in the full lane. */
export const isFull: boolean = process.env.AGENTGOV_FULL === '1';

/** A count of the full lane in, the count for this lane out: all of them, or a tenth (at least one). */
export function scaled(count: number): number {
  return isFull ? count : Math.max(1, Math.ceil(count / 10));
}

let chosen: number | undefined;

/**
 * The seed of this run, an integer below 2^31: AGENTGOV_SEED, or a random one. vitest.config.ts sets and prints it once
 * for all workers; a program that runs outside vitest gets its own, printed at the first call.
 */
export function seed(): number {
  if (chosen !== undefined) return chosen;
  const given = process.env.AGENTGOV_SEED;
  if (given === undefined) {
    chosen = randomInt(2 ** 31);
    console.error(`seed ${chosen} (AGENTGOV_SEED=${chosen} repeats this run)`);
  } else {
    if (!/^\d{1,10}$/.test(given) || Number(given) >= 2 ** 31)
      throw new Error(`AGENTGOV_SEED is "${given}", not an integer below 2^31`);
    chosen = Number(given);
  }
  return chosen;
}

/**
 * Random numbers in [0, 1) that depend on the seed and on `label` alone, so that one test's draws do not move when
 * another test is added (mulberry32, keyed by SHA-256).
 */
export function random(label: string): () => number {
  let state = createHash('sha256').update(`${seed()} ${label}`).digest().readUInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All items in the full lane, else a tenth of them (at least one) chosen by the seed, in their old order. */
export function sample<Item>(items: readonly Item[], label: string): Item[] {
  const wanted = scaled(items.length);
  if (wanted >= items.length) return [...items];
  const draw = random(label);
  const order = items.map((_, index) => ({ index, rank: draw() })).sort((a, b) => a.rank - b.rank);
  const kept = new Set(order.slice(0, wanted).map(({ index }) => index));
  return items.filter((_, index) => kept.has(index));
}
