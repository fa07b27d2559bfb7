import { describe, expect, it } from 'vitest';
import { accumulated, addRecord } from '../../evidence-files.mjs';

const there = { steps: new Set(['unit', 'vm 7 lsm']), tests: new Set(['paths', 'results']) };

describe('figures of a file', () => {
  it('are replaced together, where they are not seen alone', () => {
    const figures = {};
    addRecord(figures, { name: 'bench-idle', figures: { lines: [1], facts: [] } }, 'b');
    addRecord(figures, { name: 'bench-idle', figures: { facts: ['x'] } }, 'b');
    expect(figures).toEqual({ 'bench-idle': { lines: [1], facts: ['x'] } });
    expect(accumulated({ lines: [2], gone: 1 }, { lines: [1] }, there)).toEqual({ lines: [1] });
  });

  it('of steps and boots stay until they are seen again, with their commit', () => {
    const old = { unit: { state: 'failed', commit: 'a' }, gone: { state: 'passed', commit: 'a' } };
    const now = { 'vm 7 lsm': { state: 'passed', commit: 'b' } };
    expect(accumulated(old, now, there)).toEqual({ unit: old.unit, 'vm 7 lsm': now['vm 7 lsm'] });
    expect(
      accumulated({ '7 lsm': { commit: 'a', passed: 1 } }, { '6.1 lsm': { commit: 'b', passed: 2 } }, there),
    ).toEqual({
      '7 lsm': { commit: 'a', passed: 1 },
      '6.1 lsm': { commit: 'b', passed: 2 },
    });
  });

  it('of guest tests stay too, and of those that there are no more nothing does', () => {
    const figures: Record<string, object> = {};
    addRecord(figures, { name: 'vm', boot: '7 lsm', figures: { boot_s: 20, tests: { paths: { state: 'ok' } } } }, 'b');
    const old = {
      '7 lsm': {
        boot_s: 25,
        tests: { paths: { commit: 'a', state: 'FAIL' }, results: { commit: 'a' }, gone: { commit: 'a' } },
      },
      '5.10 lsm': { boot_s: 9, tests: { gone: { commit: 'a' }, paths: { commit: 'a' } } },
    };
    expect(accumulated(old, figures.vm ?? {}, there)).toEqual({
      '7 lsm': { boot_s: 20, tests: { paths: { commit: 'b', state: 'ok' }, results: { commit: 'a' } } },
      '5.10 lsm': { boot_s: 9, tests: { paths: { commit: 'a' } } },
    });
  });
});
