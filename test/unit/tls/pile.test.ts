import { describe, expect, it } from 'vitest';
import { Budget, Pile } from '../../../src/tls/pile.js';
import { random, scaled } from '../../scale.js';

const WHOLE = 8 << 20;
const MOST = 1 << 20;

describe('piles that pass one buffer on', () => {
  it('hold what was pushed into them, and nothing of each other', () => {
    const draw = random('piles');
    const budget = new Budget(WHOLE);
    const piles = Array.from({ length: 5 }, () => ({ pile: new Pile(budget, MOST), held: Buffer.alloc(0) }));
    for (let step = 0; step < scaled(5000); step++) {
      const one = piles[Math.floor(draw() * piles.length)] as (typeof piles)[number];
      if (draw() < 0.15) {
        one.pile.clear();
        one.held = Buffer.alloc(0);
      } else {
        // From one byte to 256 KB: half of them are as large as the buffers that are passed on.
        const bytes = Buffer.alloc(Math.ceil(2 ** (draw() * 18)), Math.floor(draw() * 256));
        const fits = one.held.length + bytes.length <= MOST && !one.pile.overflowed;
        expect(one.pile.push(bytes)).toBe(fits);
        if (fits) one.held = Buffer.concat([one.held, bytes]);
        bytes.fill(0);
      }
      for (const { pile, held } of piles) expect(pile.bytes.equals(held), `step ${step}`).toBe(true);
    }
    for (const { pile } of piles) pile.clear();
    expect(budget.take(WHOLE)).toBe(true);
  });

  it('take no more than is left, of their own and of the whole', () => {
    const whole = new Budget(300_000);
    const own = new Budget(WHOLE, whole);
    const [first, second] = [new Pile(own, MOST), new Pile(own, MOST)];
    expect(first.push(Buffer.alloc(200_000))).toBe(true);
    expect(second.push(Buffer.alloc(200_000))).toBe(false);
    expect(second.overflowed).toBe(true);
    first.clear();
    second.clear();
    // The buffer that was given back is taken from the budget like any other.
    expect(second.push(Buffer.alloc(200_000, 7))).toBe(true);
    expect(first.push(Buffer.alloc(150_000))).toBe(false);
    expect(second.bytes.equals(Buffer.alloc(200_000, 7))).toBe(true);
  });
});
