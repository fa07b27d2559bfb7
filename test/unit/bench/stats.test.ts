import { describe, expect, it } from 'vitest';
import { isResolved, median, medianAbsoluteDeviation, seededRandom, summarise } from '../../../bench/harness/stats.mjs';

/** Ratios of pairs that differ by `factor`, each side with noise of up to a tenth. */
function noisyRatios(factor: number, pairs: number, seed: number): number[] {
  const random = seededRandom(seed);
  const noisy = (value: number) => value * (1 + (random() - 0.5) / 5);
  return Array.from({ length: pairs }, () => noisy(factor) / noisy(1));
}

describe('median and spread', () => {
  it('take the middle, or the mean of the two middle ones', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 9])).toBe(3);
    expect(median([])).toBeNaN();
  });

  it('do not follow an outlier', () => {
    expect(medianAbsoluteDeviation([1, 1.1, 0.9, 1, 100])).toBeCloseTo(0.1);
  });
});

describe('the interval of the median', () => {
  it('holds the true ratio about nineteen times of twenty', () => {
    let held = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const { low, high } = summarise(noisyRatios(1.2, 20, seed));
      if (low <= 1.2 && 1.2 <= high) held++;
    }
    expect(held).toBeGreaterThanOrEqual(88);
  });

  it('does not resolve a difference that is not there, and does resolve one that is', () => {
    expect(isResolved(summarise(noisyRatios(1, 20, 7)))).toBe(false);
    expect(isResolved(summarise(noisyRatios(1.2, 20, 7)))).toBe(true);
  });

  it('is the same for the same sample', () => {
    const ratios = noisyRatios(1.05, 20, 3);
    expect(summarise(ratios)).toEqual(summarise(ratios));
  });
});
