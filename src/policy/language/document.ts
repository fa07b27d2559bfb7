// A text as the YAML package reads it, strictly: what two readers could understand differently is an error.
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml';
import type { Position } from './types.js';

export type Step = string | number;

/** Something to say about a place, in UTF-16 units from the beginning. */
interface Fault {
  readonly offset: number;
  readonly message: string;
}

export interface StrictDocument {
  readonly document: Document.Parsed;
  readonly faults: readonly Fault[];
}

export function readDocument(text: string): StrictDocument {
  const document = parseDocument(text, {
    prettyErrors: false,
    strict: true,
    // The package would hold each key of a map against all others; see below.
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    merge: false,
  });
  const faults = [...document.errors, ...document.warnings].map(
    ({ pos, code, message }): Fault => ({ offset: pos[0], message: describe(code, message) }),
  );
  visit(document, {
    Node: (_, node) => {
      const say = (message: string): void => {
        faults.push({ offset: startOf(node), message });
      };
      if (isAlias(node)) say(`"*${node.source}" is an alias: write the value out`);
      else if (node.anchor !== undefined) say(`"&${node.anchor}" is an anchor: write the value out where it is needed`);
      if (node.tag !== undefined) say(`the tag "${node.tag}" is not known: leave it out`);
      if (isMap(node)) for (const fault of faultsOfKeys(node)) faults.push(fault);
    },
  });
  return { document, faults };
}

function* faultsOfKeys({ items }: YAMLMap): Generator<Fault> {
  const keys = new Set<string>();
  for (const { key } of items) {
    if (!isScalar(key) || typeof key.value !== 'string')
      yield { offset: startOf(key), message: 'a key must be a word; put it in quotes' };
    else if (keys.has(key.value))
      yield { offset: startOf(key), message: 'this key is there already: only one of them can count' };
    else keys.add(key.value);
  }
}

const startOf = (node: unknown): number => (node as Node | null)?.range?.[0] ?? 0;

/** Where the value at this path begins; of the nearest thing above it where there is none. */
export function offsetAt(document: Document.Parsed, path: readonly Step[]): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isCollection(node) || isScalar(node)) return startOf(node);
  }
  return 0;
}

/** Where a key of the map at this path begins; where there is no such key, as `offsetAt`. */
export function offsetOfKey(document: Document.Parsed, path: readonly Step[], key: string): number {
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
  return isScalar(pair?.key) ? startOf(pair.key) : offsetAt(document, path);
}

/** Places of a text, counted from 1. */
export class Lines {
  readonly #text: string;
  #counter: LineCounter | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  at(offset: number): Position {
    this.#counter ??= count(this.#text);
    const { line, col } = this.#counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function count(text: string): LineCounter {
  const counter = new LineCounter();
  for (let at = 0; at >= 0; at = nextLine(text, at)) counter.addNewLine(at);
  return counter;
}

const nextLine = (text: string, at: number): number => text.indexOf('\n', at) + 1 || -1;

/** The parser's words, where ours help more. */
function describe(code: string, message: string): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'a second document begins here: a policy is one document';
    case 'TAB_AS_INDENT':
      return 'a tab indents this line: YAML indents with spaces';
    default:
      return message.split('\n')[0] ?? message;
  }
}
