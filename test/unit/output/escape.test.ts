import { describe, expect, it } from 'vitest';
import { escapeForTerminal } from '../../../src/output/index.js';
import { cpuMs } from '../../cpu.js';
import { random, scaled } from '../../scale.js';

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** By number, not by Unicode property: the list that the property classes have to cover. */
const UNSAFE = [
  ...range(0, 0x1f),
  ...range(0x7f, 0x9f),
  0xa0, // no-break space
  0xad, // soft hyphen
  0x34f, // combining grapheme joiner
  0x61c, // Arabic letter mark
  ...[0x115f, 0x1160, 0x3164, 0xffa0], // Hangul fillers
  ...range(0x180b, 0x180e),
  ...range(0x2000, 0x200f), // spaces, zero width, LRM, RLM
  ...range(0x2028, 0x202f), // separators, bidi, narrow space
  ...range(0x205f, 0x206f), // invisible operators, isolates
  0x3000,
  ...range(0xd800, 0xdfff), // lone surrogates
  ...range(0xfe00, 0xfe0f), // variation selectors
  0xfeff,
  ...range(0xfff9, 0xfffb),
  0xfffe,
  0xffff,
  ...range(0xe0000, 0xe01ef), // tags, variation selectors
  0x10ffff,
];

const decode = (text: string): string =>
  text.replaceAll(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));

describe('escapeForTerminal', () => {
  it('shows every character that a terminal would obey or not show', () => {
    const missed = UNSAFE.filter((code) => {
      const text = `a${String.fromCodePoint(code)}b`;
      return escapeForTerminal(text) !== `a\\u{${code.toString(16)}}b`;
    });
    expect(missed.map((code) => code.toString(16))).toEqual([]);
  });

  it.each([
    'plain ASCII ~!@#$%^&*()',
    'C:\\dir \\xff \\u0041',
    'é ü ñ',
    'пример',
    'עברית',
    '日本語',
    '⋯',
    '😀🚀',
    'a\u0301',
    '\ue0b0',
  ])('leaves %s', (text) => expect(escapeForTerminal(text)).toBe(text));

  it('escapes the backslash that would look like an escape', () => {
    expect(escapeForTerminal('\\u{1b}')).toBe('\\u{5c}u{1b}');
    expect(escapeForTerminal('\\\\u{1b}')).toBe('\\\\u{5c}u{1b}');
    expect(escapeForTerminal('\\\u001b')).toBe('\\\\u{1b}');
  });

  it('lets no pile of marks grow over its neighbours', () => {
    expect(escapeForTerminal('\u0301')).toBe('\\u{301}');
    expect(escapeForTerminal(`a${'\u0301'.repeat(5)}`)).toBe('a\u0301\u0301\u0301\\u{301}\\u{301}');
  });

  it('takes the ANSI out of ANSI', () =>
    expect(escapeForTerminal('\u001b[2J\u009b31m\u001b]0;title\u0007')).toBe(
      '\\u{1b}[2J\\u{9b}31m\\u{1b}]0;title\\u{7}',
    ));

  it('loses nothing', () => {
    const draw = random('escape');
    const pieces = [
      '\\',
      '\\u',
      'u{',
      '{',
      '}',
      '1b',
      '5c',
      '\\u{',
      'u{5c}',
      '\u001b',
      '\ud800',
      '\udc00',
      'x',
      '\u202e',
      '\u0301',
      '😀',
    ];
    for (let i = 0; i < scaled(200_000); i++) {
      const text = Array.from({ length: 8 }, () => pieces[Math.floor(draw() * pieces.length)]).join('');
      const escaped = escapeForTerminal(text);
      // A surrogate that was alone stays alone: compare unit by unit.
      if (decode(escaped) !== text) expect.fail(`${JSON.stringify(text)} became ${JSON.stringify(escaped)}`);
    }
  });

  it('is linear', () => {
    for (const unit of ['\u0301', '\\', '\\u{', '\u001b', '\ud800', 'a\u0301'])
      expect(cpuMs(() => escapeForTerminal(unit.repeat(200_000)))).toBeLessThan(2000);
  });
});
