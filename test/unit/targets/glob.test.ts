import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../../../src/targets/glob.js';
import { cpuMs } from '../../cpu.js';

describe('matchesGlob', () => {
  it.each<[string, string, boolean]>([
    ['claude', 'claude', true],
    ['claude', 'claude2', false],
    ['Claude', 'claude', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['agent*', 'agent.mjs', true],
    ['*.mjs', 'agent.mjs', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['python?', 'python3', true],
    ['python?', 'python', false],
    ['python[23]', 'python3', true],
    ['python[!23]', 'python3', false],
    ['x[a-c]z', 'xbz', true],
    ['x[]]z', 'x]z', true],
    ['x[', 'x[', true],
    ['a.c', 'abc', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['', 'a', false],
    ['?', '😀', true],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  it('takes no time on a pattern made to take for ever', () => {
    const match = () => expect(matchesGlob(`${'*a'.repeat(50)}*b`, 'a'.repeat(5000))).toBe(false);
    expect(cpuMs(match)).toBeLessThan(2000);
  });
});
