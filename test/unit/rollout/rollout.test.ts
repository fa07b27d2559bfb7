import { describe, expect, it } from 'vitest';
import type { Mode } from '../../../src/policy/index.js';
import { Rollout, type RuleRecord, type Terms, type Watched } from '../../../src/rollout/index.js';

const HOUR = 3_600_000;
const TERMS: Terms = { afterMs: 48 * HOUR, maxWouldBlock: 2 };

const rule = (
  name: string,
  { mode = 'audit' as Mode, meaning = 'a', sensitive = undefined as string | undefined } = {},
): Watched => ({
  name,
  mode,
  meaning: meaning.repeat(64),
  sensitive: () => sensitive,
});

/** A machine whose time goes by when it is told to, and the rollout that runs on it. */
function machine({ isStaged = true, leaky = false, kept = [] as readonly RuleRecord[], from = 0 } = {}) {
  const at = { ms: from };
  const clock = { ms: () => at.ms, time: () => new Date(at.ms).toISOString() };
  const rollout = new Rollout({ clock, terms: isStaged ? TERMS : undefined, leaky, kept });
  return {
    rollout,
    pass: (ms: number): void => {
      at.ms += ms;
    },
    due: () => rollout.due().map((move) => move.rule.name),
    count: (name: string) => rollout.counts(10).rules.find((one) => one.rule === name),
  };
}

describe('counts', () => {
  it('are those since the rule is in its mode, with the first and the last time', () => {
    const { rollout, pass, count } = machine();
    rollout.watch([rule('a'), rule('b', { mode: 'enforce' })]);
    pass(1000);
    rollout.verdict('a', 'WOULD_BLOCK');
    pass(1000);
    rollout.verdict('a', 'WOULD_BLOCK');
    rollout.verdict('b', 'BLOCKED');
    rollout.verdict('self_protection.log', 'BLOCKED');
    expect(count('a')).toMatchObject({
      mode: 'audit',
      since: '1970-01-01T00:00:00.000Z',
      would_block: 2,
      blocked: 0,
      first: '1970-01-01T00:00:01.000Z',
      last: '1970-01-01T00:00:02.000Z',
    });
    expect(count('b')).toMatchObject({ would_block: 0, blocked: 1 });
    expect(count('self_protection.log')).toBeUndefined();
  });

  it('survive another policy and the mode of other rules, by name, and begin anew with the mode or the meaning', () => {
    const { rollout, count } = machine();
    const all = ['same', 'moved', 'edited'];
    rollout.watch(all.map((name) => rule(name)));
    for (const name of all) rollout.verdict(name, 'WOULD_BLOCK');
    rollout.watch([rule('new'), rule('edited', { meaning: 'b' }), rule('moved', { mode: 'enforce' }), rule('same')]);
    expect([...all, 'new'].map((name) => count(name)?.would_block)).toEqual([1, 0, 0, 0]);
    expect(count('moved')?.first).toBeUndefined();
    // It is on its way while the mode changes.
    rollout.verdict('moved', 'WOULD_BLOCK');
    expect(count('moved')).toMatchObject({ mode: 'enforce', would_block: 1, blocked: 0 });
  });

  it('say that they may be too low, after a loss', () => {
    const { rollout, count } = machine();
    rollout.watch([rule('a')]);
    expect(count('a')?.at_least).toBeUndefined();
    rollout.lost(3);
    expect(count('a')?.at_least).toBe(true);
    rollout.restart('a');
    expect(count('a')?.at_least).toBeUndefined();
  });

  it('are told of the rules with the most, and how many more there are', () => {
    const { rollout } = machine();
    rollout.watch(['a', 'b', 'c'].map((name) => rule(name)));
    rollout.verdict('c', 'WOULD_BLOCK');
    const { rules, omitted } = rollout.counts(1);
    expect([rules.map((one) => one.rule), omitted]).toEqual([['c'], 2]);
  });

  it('tell of a flood once a minute and rule', () => {
    const { rollout, pass } = machine();
    rollout.watch([rule('a'), rule('b')]);
    const floods = (count: number, name = 'a') =>
      Array.from({ length: count }, () => rollout.verdict(name, 'BLOCKED')).filter(Boolean).length;
    expect(floods(100)).toBe(0);
    expect(floods(100, 'b')).toBe(0);
    // Also across a reload.
    rollout.watch([rule('a')]);
    expect(floods(1)).toBe(1);
    expect(floods(1000)).toBe(0);
    pass(60_000);
    expect(floods(1000)).toBe(1);
  });
});

describe('a rule goes to enforce', () => {
  it('after the time asked for and not before, with at most so many would-blocks', () => {
    const { rollout, pass, due, count } = machine();
    rollout.watch([rule('quiet'), rule('noisy'), rule('held', { mode: 'enforce' })]);
    for (let n = 0; n < 2; n++) rollout.verdict('quiet', 'WOULD_BLOCK');
    for (let n = 0; n < 3; n++) rollout.verdict('noisy', 'WOULD_BLOCK');
    pass(48 * HOUR - 1);
    expect(due()).toEqual([]);
    expect(count('quiet')?.waits).toBe('0 s more in audit mode');
    pass(1);
    expect(rollout.due()).toMatchObject([
      {
        rule: { name: 'quiet' },
        auditMs: 48 * HOUR,
        wouldBlocks: 2,
        why: 'it proved quiet: 48 h in audit mode (48 h asked for) with 2 would-blocks (at most 2)',
      },
    ]);
    pass(1000 * HOUR);
    expect(count('noisy')?.waits).toBe("somebody's word, for it had 3 would-blocks (at most 2)");
    expect(due()).toEqual(['quiet']);
  });

  it('never without terms', () => {
    const { rollout, pass, due, count } = machine({ isStaged: false });
    rollout.watch([rule('quiet')]);
    pass(1000 * HOUR);
    expect(due()).toEqual([]);
    expect(count('quiet')?.waits).toBeUndefined();
  });

  it.each<[string, (rollout: Rollout) => void, Parameters<typeof machine>[0], string | undefined]>([
    ['it is over sensitive paths', () => {}, {}, 'secrets'],
    ['verdicts were lost', (rollout) => rollout.lost(1), {}, undefined],
    ['the tier is leaky', () => {}, { leaky: true }, undefined],
  ])('not when %s', (_why, happens, options, sensitive) => {
    const { rollout, pass, due, count } = machine(options);
    rollout.watch([rule('a', { sensitive })]);
    happens(rollout);
    pass(1000 * HOUR);
    expect(due()).toEqual([]);
    expect(count('a')?.waits).toMatch(/^somebody's word, for /);
  });

  it('anew when somebody says so, or when it was edited', () => {
    const { rollout, pass, due } = machine();
    rollout.watch([rule('noisy'), rule('edited')]);
    for (let n = 0; n < 9; n++) rollout.verdict('noisy', 'WOULD_BLOCK');
    pass(47 * HOUR);
    rollout.restart('noisy');
    rollout.watch([rule('noisy'), rule('edited', { meaning: 'b' })]);
    pass(47 * HOUR);
    expect(due()).toEqual([]);
    pass(HOUR);
    expect(due()).toEqual(['noisy', 'edited']);
  });

  it('and stays there in later sessions, as long as it means the same and terms are given', () => {
    const first = machine();
    first.rollout.watch([rule('a'), rule('b')]);
    first.pass(48 * HOUR);
    first.rollout.watch([rule('a', { mode: 'enforce' }), rule('b')]);
    first.rollout.move(['a', 'b']);
    const kept = first.rollout.records();
    const next = machine({ kept });
    expect([...next.rollout.promoted]).toEqual([['a', 'a'.repeat(64)]]);
    next.rollout.watch([rule('a', { mode: 'enforce' }), rule('b')]);
    expect(next.count('a')).toMatchObject({ promoted: true });
    expect(machine({ kept, isStaged: false }).rollout.promoted.size).toBe(0);
    // Somebody has put it back: it begins anew.
    next.rollout.watch([rule('a'), rule('b')]);
    expect(next.rollout.records().some(({ promoted }) => promoted)).toBe(false);
    expect(next.due()).toEqual(['b']);
  });
});

describe('the time in audit mode', () => {
  it('goes on over sessions, and stands still between them, in mode enforce and where nobody watches', () => {
    const first = machine();
    first.rollout.watch([rule('a'), rule('b', { mode: 'enforce' })]);
    first.pass(30 * HOUR);
    const next = machine({ kept: first.rollout.records(), from: 1e12 });
    next.rollout.watch([rule('a'), rule('b')]);
    next.pass(18 * HOUR);
    expect(next.due()).toEqual(['a']);
    expect(next.count('b')?.audit_seconds).toBe(18 * 3600);
    expect(next.rollout.auditHours).toBe(18);
  });

  it('of a policy is that of the rule that has had the fewest, and it is said where that is enforced', () => {
    const { rollout, pass } = machine({ isStaged: false });
    expect(rollout.auditHours).toBeUndefined();
    const all = (mode: Mode) => [rule('a', { mode }), rule('b', { mode })];
    rollout.watch([rule('a'), rule('b', { mode: 'enforce' })]);
    pass(47 * HOUR);
    rollout.watch(all('audit'));
    expect(rollout.untried).toBeUndefined();
    pass(HOUR);
    rollout.watch(all('enforce'));
    expect(rollout.auditHours).toBe(1);
    expect(rollout.untried).toBe('Enforced without having been in audit mode for 48 h: rule b (60 min).');
    rollout.watch(all('audit'));
    pass(47 * HOUR);
    rollout.watch(all('enforce'));
    expect(rollout.untried).toBeUndefined();
  });

  it('loses no part of a millisecond, however often it is looked at', () => {
    const { rollout, pass, count } = machine();
    rollout.watch([rule('a')]);
    for (let n = 0; n < 8000; n++) {
      pass(0.25);
      rollout.due();
    }
    expect(count('a')?.audit_seconds).toBe(2);
  });
});
