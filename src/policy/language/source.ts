// The YAML of a policy, read strictly: what two readers could understand differently is an error.
import { isAlias, isCollection, isMap, isPair, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { Position, Problem } from './types.js';

/** A policy file as a value, with the place of each part. */
export interface Source {
  readonly value: unknown;
  readonly problems: Problem[];
  /** Where the value at this path begins; of the nearest thing above it where there is none. */
  at(path: readonly (string | number)[]): Position;
  /** Where a key of the map at this path begins. */
  atKey(path: readonly (string | number)[], key: string): Position;
}

/** Deeper than any policy, and far from what would exhaust the parser's stack. */
const MAX_DEPTH = 40;

/** Places of a text, counted from 1. */
function position(counter: LineCounter, offset: number): Position {
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Characters that YAML forbids or that hide text, and tabs where they would be indentation. */
function findCharacters(text: string): Problem[] {
  const problems: Problem[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const at = (column: number, message: string): void => {
      problems.push({ line: index + 1, column: column + 1, message });
    };
    const tab = /^ *\t/.exec(line);
    if (tab && line.trim() !== '') at(tab[0].length - 1, 'a tab indents this line: YAML indents with spaces');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
    const odd = /[\u0000-\u0008\u000b-\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/.exec(line);
    if (odd) {
      const code = (odd[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      const what = code === '0000' ? 'a NUL byte' : `the invisible character U+${code}`;
      at(odd.index, `${what} is in this line: remove it`);
    }
    if (problems.length >= 20) break;
  }
  return problems;
}

/** Nesting by brackets and dashes, counted before the parser recurses into it. */
function findDepth(text: string): Problem[] {
  let depth = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const dashes = /^ *(?:- )*/.exec(line)?.[0] ?? '';
    const indent = dashes.length / 2;
    for (const [char] of line.matchAll(/[[\]{}]/g)) {
      if (char === '[' || char === '{') depth++;
      else if ((char === ']' || char === '}') && depth > 0) depth--;
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

  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    strict: true,
    uniqueKeys: true,
    version: '1.2',
    schema: 'core',
    merge: false,
  });
  const at = (offset: number | undefined): Position => position(counter, offset ?? 0);
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    ...at(error.pos[0]),
    message: describe(error.code, error.message),
  }));
  visit(document, {
    Node: (_, node) => {
      const say = (message: string): void => {
        problems.push({ ...at(node.range?.[0]), message });
      };
      if (isAlias(node)) say(`"*${node.source}" is an alias: write the value out`);
      else if (node.anchor !== undefined) say(`"&${node.anchor}" is an anchor: write the value out where it is needed`);
      if (node.tag !== undefined) say(`the tag "${node.tag}" is not known: leave it out`);
    },
    Pair: (_, pair) => {
      if (isScalar(pair.key) && typeof pair.key.value === 'string') return;
      const node = pair.key as { range?: [number, number, number] } | null;
      problems.push({ ...at(node?.range?.[0]), message: 'a key must be a word; put it in quotes' });
    },
  });
  return {
    // An alias that is refused must not be followed either: a few lines of them make billions of values.
    value: problems.length > 0 ? undefined : document.toJS({ maxAliasCount: 0 }),
    problems,
    at: (path) => {
      for (let length = path.length; length >= 0; length--) {
        const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
        if (isCollection(node) || isScalar(node)) return at(node.range?.[0]);
      }
      return start;
    },
    atKey: (path, key) => {
      const map = path.length === 0 ? document.contents : document.getIn(path, true);
      const pair = isMap(map)
        ? map.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key)
        : undefined;
      const node = pair?.key;
      return isScalar(node) ? at(node.range?.[0]) : at(isMap(map) ? map.range?.[0] : 0);
    },
  };
}

/** The parser's words, where ours help more. */
function describe(code: string, message: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this key is there already: only one of them can count';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here: a policy is one document';
    case 'TAB_AS_INDENT':
      return 'a tab indents this line: YAML indents with spaces';
    default:
      return message.split('\n')[0] ?? message;
  }
}
