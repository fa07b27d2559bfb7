/** Types of stats.mjs, for the test that checks it. */
export interface Summary {
  pairs: number;
  median: number;
  mad: number;
  low: number;
  high: number;
}
export function seededRandom(seed: number): () => number;
export function median(values: number[]): number;
export function medianAbsoluteDeviation(values: number[]): number;
export function summarise(values: number[], options?: { seed?: number }): Summary;
export function isResolved(summary: Summary): boolean;
