import { describe, expect, it } from 'vitest';
import { isFull, random, sample, scaled, seed } from '../../scale.js';

describe('scale', () => {
  it('takes all counts in the full lane and a tenth elsewhere, never none', () => {
    expect(scaled(500)).toBe(isFull ? 500 : 50);
    expect(scaled(3)).toBe(isFull ? 3 : 1);
  });

  it('draws the same numbers for the same seed and label', () => {
    const [first, again, other] = [random('a'), random('a'), random('b')];
    const draws = Array.from({ length: 5 }, () => first());
    expect(Array.from({ length: 5 }, () => again())).toEqual(draws);
    expect(Array.from({ length: 5 }, () => other())).not.toEqual(draws);
    expect(draws.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(Number.isSafeInteger(seed())).toBe(true);
  });

  it('samples without repeats, in order', () => {
    const items = Array.from({ length: 100 }, (_, index) => index);
    const kept = sample(items, 'items');
    expect(kept).toHaveLength(isFull ? 100 : 10);
    expect([...new Set(kept)].sort((a, b) => a - b)).toEqual(kept);
  });
});
