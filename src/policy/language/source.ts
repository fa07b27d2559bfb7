// The YAML of a policy, read strictly: what two readers could understand differently is an error.
import { readAlike } from './alike.js';
import { Lines, offsetAt, offsetOfKey, readDocument, type Step } from './document.js';
import type { Position, Problem } from './types.js';

/** A policy file as a value, with the place of each part. */
export interface Source {
  readonly value: unknown;
  readonly problems: Problem[];
  /** Where the value at this path begins; of the nearest thing above it where there is none. */
  at(path: readonly Step[]): Position;
  /** Where a key of the map at this path begins. */
  atKey(path: readonly Step[], key: string): Position;
}

/** Deeper than any policy, and far from what would exhaust the parser's stack. */
const MAX_DEPTH = 40;

const ODD =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  /[\u0000-\u0008\u000b-\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;

/**
 * Characters that YAML forbids or that hide text (the two joiners do not: scripts and emoji are written with them), and
 * tabs where they would be indentation.
 */
function findCharacters(text: string): Problem[] {
  if (!ODD.test(text) && !/^ *\t/m.test(text)) return [];
  const problems: Problem[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const at = (column: number, message: string): void => {
      problems.push({ line: index + 1, column: column + 1, message });
    };
    const tab = /^ *\t/.exec(line);
    if (tab && line.trim() !== '') at(tab[0].length - 1, 'a tab indents this line: YAML indents with spaces');
    const odd = ODD.exec(line);
    if (odd) {
      const code = (odd[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      const what = code === '0000' ? 'a NUL byte' : `the invisible character U+${code}`;
      at(odd.index, `${what} is in this line: remove it`);
    }
    if (problems.length >= 20) break;
  }
  return problems;
}

/** Depth behind a bracket. */
const behind = (bracket: string, depth: number): number =>
  bracket === '[' || bracket === '{' ? depth + 1 : Math.max(0, depth - 1);

/** Whether there is anything to find below: without lines, and without looking at more than the brackets. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (const char of text.replace(/[^[\]{}]+/g, '')) {
    depth = behind(char, depth);
    if (depth > MAX_DEPTH) return true;
  }
  return new RegExp(`^[ -]{${20 * MAX_DEPTH}}`, 'm').test(text);
}

/** Nesting by brackets and dashes, counted before the parser recurses into it. */
function findDepth(text: string): Problem[] {
  if (!isDeep(text)) return [];
  let depth = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const dashes = /^ *(?:- )*/.exec(line)?.[0] ?? '';
    const indent = dashes.length / 2;
    for (const [char] of line.matchAll(/[[\]{}]/g)) {
      depth = behind(char, depth);
      // Brackets in quoted text and comments count as well; no policy has that many.
      if (depth > MAX_DEPTH) break;
    }
    if (depth > MAX_DEPTH || indent > 10 * MAX_DEPTH) {
      return [{ line: index + 1, column: 1, message: 'this is nested deeper than any policy is' }];
    }
  }
  return [];
}

export function readSource(raw: string): Source {
  const text = raw.startsWith('\ufeff') ? raw.slice(1) : raw;
  const early = [...findCharacters(text), ...findDepth(text)];
  const start = { line: 1, column: 1 };
  if (early.length > 0) return { value: undefined, problems: early, at: () => start, atKey: () => start };
  const alike = readAlike(text);
  if (alike === undefined) return readWhole(text);
  const lines = new Lines(text);
  return {
    value: alike.value,
    problems: [],
    at: (path) => lines.at(alike.at(path)),
    atKey: (path, key) => lines.at(alike.atKey(path, key)),
  };
}

/** The same for a text that has been looked over, by the YAML package alone. */
export function readWhole(text: string): Source {
  const lines = new Lines(text);
  const { document, faults } = readDocument(text);
  return {
    // An alias that is refused must not be followed either: a few lines of them make billions of values.
    value: faults.length > 0 ? undefined : document.toJS({ maxAliasCount: 0 }),
    problems: faults.map(({ offset, message }) => ({ ...lines.at(offset), message })),
    at: (path) => lines.at(offsetAt(document, path)),
    atKey: (path, key) => lines.at(offsetOfKey(document, path, key)),
  };
}
