import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Fold } from '../../../src/alerts/fold.js';
import type { AgentEvent } from '../../../src/events/index.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const event = (rule: string, seq: number, type = 'file_open'): AgentEvent =>
  ({ event_type: type, policy_rule: rule, seq }) as AgentEvent;

/** What was sent: "RULE SEQ x COUNT". */
function folding(): { fold: Fold; sent: string[] } {
  const sent: string[] = [];
  const fold = new Fold(({ policy_rule: rule, seq }, count) => sent.push(`${rule} ${seq} x${count}`));
  return { fold, sent };
}

it('tells the first at once, and the others together when the minute is over', () => {
  const { fold, sent } = folding();
  for (let seq = 1; seq <= 1000; seq++) fold.add(event('a', seq));
  expect(sent).toEqual(['a 1 x1']);
  vi.advanceTimersByTime(59_999);
  fold.add(event('a', 1001));
  expect(sent).toEqual(['a 1 x1']);
  vi.advanceTimersByTime(1);
  expect(sent).toEqual(['a 1 x1', 'a 2 x1000']);
});

it('tells no more than once a minute, for as long as it goes on', () => {
  const { fold, sent } = folding();
  for (let second = 0; second < 600; second++) {
    fold.add(event('a', second));
    vi.advanceTimersByTime(1000);
  }
  expect(sent).toEqual(['a 0 x1', 'a 1 x59', ...Array.from({ length: 9 }, (_, i) => `a ${60 * (i + 1)} x60`)]);
});

it('tells at once again after a quiet minute, and keeps nothing of the rule till then', () => {
  const { fold, sent } = folding();
  fold.add(event('a', 1));
  vi.advanceTimersByTime(60_000);
  expect(vi.getTimerCount()).toBe(0);
  fold.add(event('a', 2));
  expect(sent).toEqual(['a 1 x1', 'a 2 x1']);
});

it('counts each rule for itself, and its flood apart from what it is against', () => {
  const { fold, sent } = folding();
  for (const rule of ['a', 'b', 'a', 'b', 'b']) fold.add(event(rule, 7));
  fold.add(event('a', 8, 'rule_flood'));
  expect(sent).toEqual(['a 7 x1', 'b 7 x1', 'a 8 x1']);
  vi.advanceTimersByTime(60_000);
  expect(sent.slice(3)).toEqual(['a 7 x1', 'b 7 x2']);
});

it('tells at its end what it still holds', () => {
  const { fold, sent } = folding();
  for (let seq = 1; seq <= 4; seq++) fold.add(event('a', seq));
  fold.add(event('b', 5));
  fold.close();
  expect(sent).toEqual(['a 1 x1', 'b 5 x1', 'a 2 x3']);
  expect(vi.getTimerCount()).toBe(0);
});
