/** A small seeded generator (mulberry32): the same measurements give the same interval, whoever computes it. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Middle of the values; NaN for none. */
export function median(values) {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median absolute deviation: half of the values lie this close to the median, whatever the outliers do. */
export function medianAbsoluteDeviation(values) {
  const center = median(values);
  return median(values.map((value) => Math.abs(value - center)));
}

const RESAMPLES = 10_000;

/**
 * The median of a sample, its spread, and the 95 % interval of the median by the percentile bootstrap. The sample is
 * one figure per pair, so whatever slowed both halves of a pair has already cancelled out.
 *
 * @param {number[]} values one per pair, unitless
 * @returns {{pairs: number, median: number, mad: number, low: number, high: number}}
 */
export function summarise(values, { seed = 1 } = {}) {
  const random = seededRandom(seed);
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)])),
  ).sort((a, b) => a - b);
  return {
    pairs: values.length,
    median: median(values),
    mad: medianAbsoluteDeviation(values),
    low: medians[Math.floor(RESAMPLES * 0.025)] ?? Number.NaN,
    high: medians[Math.ceil(RESAMPLES * 0.975) - 1] ?? Number.NaN,
  };
}

/** Whether the measurement can tell the ratio from "no difference at all". */
export function isResolved(summary) {
  return summary.low > 1 || summary.high < 1;
}
