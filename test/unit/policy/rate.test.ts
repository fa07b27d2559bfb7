import { describe, expect, it } from 'vitest';
import { parseRate, Rate } from '../../../src/policy/engine/rate.js';
import { random, scaled } from '../../scale.js';

const dice = random('rate');
const SECOND = 1_000_000;

/** Times at which some of many operations got through. */
function admitted(max: string, times: readonly number[]): number[] {
  const rate = new Rate(parseRate(max));
  return times.filter((time) => rate.admit(time, 1) === 1);
}

/** The most that any window holds. */
const fullest = (times: readonly number[], windowUs: number): number =>
  times.reduce((most, from, at) => {
    const end = times.findIndex((time, index) => index > at && time >= from + windowUs);
    return Math.max(most, (end < 0 ? times.length : end) - at);
  }, 0);

const rising = (count: number, pace: number): number[] => {
  let now = SECOND;
  return Array.from({ length: count }, () => {
    now += Math.floor(dice() * pace);
    return now;
  });
};

describe('a rate', () => {
  it('is the number in any window, exactly', () => {
    for (let round = 0; round < scaled(200); round++) {
      const limit = 1 + Math.floor(dice() * 20);
      const times = rising(300, (3 * SECOND) / limit);
      const passed = admitted(`${limit}/second`, times);
      expect(fullest(passed, SECOND)).toBeLessThanOrEqual(limit);
      // And nobody was refused for whom there was room.
      for (const time of times) {
        if (passed.includes(time)) continue;
        expect(passed.filter((one) => one <= time && one > time - SECOND)).toHaveLength(limit);
      }
    }
  });

  it('is never more, and hardly less, where there are so many that groups of them have one time', () => {
    const limit = 2_500;
    const passed = admitted(`${limit}/second`, rising(12_000, SECOND / limit));
    expect(fullest(passed, SECOND)).toBeLessThanOrEqual(limit);
    const seconds = ((passed.at(-1) ?? 0) - (passed[0] ?? 0)) / SECOND;
    expect(passed.length).toBeGreaterThan(limit * Math.floor(seconds) * 0.992);
  });

  it('is never more where events come late', () => {
    for (let round = 0; round < scaled(200); round++) {
      const late = rising(300, SECOND / 4).map((time) => time - Math.floor(dice() * dice() * SECOND));
      const passed = admitted('5/second', late).sort((a, b) => a - b);
      expect(fullest(passed, SECOND)).toBeLessThanOrEqual(5);
    }
  });
});
