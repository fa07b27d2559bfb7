import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Plaintext between two collections: some sixty buffers that it was read into. */
const YOUNG_BYTES = 4 << 20;

/**
 * Code is optimised after fifteen times as much running as usual. In a short session the compiler never earns back what it
 * costs, nor does it while a large policy is read and compiled, where it is a quarter of the work; under a flood it is
 * reached in a fraction of a second all the same.
 */
export const optimiseLate = (): void => setFlagsFromString('--interrupt-budget=1000000');

/**
 * Fits V8 to a recorder: it handles much text that lives for milliseconds, beside an agent that wants the processor.
 *
 * - The young generation keeps its first size (1 MB) instead of growing to 16 MB. Collecting young objects often costs
 *   little; what it saves are the buffers behind them (chunks read, batches written), which live until their young
 *   handle is collected. Measured with a million bulk lines: 140 instead of 200 MB resident at the most, for 4 % more CPU.
 * - One thread collects young objects: waking helpers for a megabyte costs more than they do.
 * - Code is optimised late.
 *
 * Called when the session has begun: code that is kept from an earlier start (Node's own modules, src/code-cache.ts) is
 * not taken any more when flags have changed. All three are looked at each time that they matter; flags that V8 reads
 * only at its start must not change under it.
 */
export function tuneV8(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-parallel-scavenge');
  optimiseLate();
}

/**
 * To be told how much plaintext was read. Each piece came in a buffer of its own, of which V8's young generation sees
 * hardly anything: 64 MB of them make it collect the whole heap instead, which was a third of what reading large bodies
 * cost. So young objects are collected before it comes to that, in 0.2 ms each time.
 */
export function youngCollector(): (bytes: number) => void {
  let uncollected = 0;
  let collect: ReturnType<typeof exposedGc> | undefined;
  return (bytes) => {
    uncollected += bytes;
    if (uncollected < YOUNG_BYTES) return;
    uncollected = 0;
    collect ??= exposedGc();
    collect({ type: 'minor' });
  };
}

/** The function that `node --expose-gc` gives. */
function exposedGc(): (how: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return gc;
}
