// The automaton over the bytes of one name, for patterns with `*` in them. Rows are shared by all states of the path
// automaton that ask about the same patterns.

import { bytesOfPattern } from '../pattern/bytes.js';
import type { Stars } from '../pattern/stars.js';
import { CompileError } from './error.js';
import { LIMITS } from './layout.js';

/** A row: the next row for each byte, and the class of a name that ends here (0: no pattern has it). */
export interface NameRow {
  readonly next: Uint16Array;
  cls: number;
}

/** Position in a pattern: how many bytes of which piece have been met; pieces are met as early as they can be. */
interface Glob {
  readonly key: string;
  readonly pieces: readonly Buffer[];
}

/** A pattern as a list of steps: a byte, or `undefined` for a star. */
const stepsOf = ({ pieces }: Glob): (number | undefined)[] =>
  pieces.flatMap((piece, at) => (at === 0 ? [...piece] : [undefined, ...piece]));

export class NameAutomaton {
  /** Row 0 is where nothing can match any more. */
  readonly rows: NameRow[] = [{ next: new Uint16Array(256), cls: 0 }];
  readonly #starts = new Map<string, { row: number; classes: ReadonlyMap<number, readonly string[]> }>();
  readonly #classes = new Map<string, number>();

  /**
   * Where names are compared with these patterns.
   *
   * @returns the first row, and what each class means: the patterns (their keys) that a name of it matches.
   * @throws CompileError when the table is full.
   */
  start(globs: ReadonlyMap<string, Stars>): { row: number; classes: ReadonlyMap<number, readonly string[]> } {
    const key = [...globs.keys()].sort().join('\u0001');
    const known = this.#starts.get(key);
    if (known !== undefined) return known;
    const all = [...globs].map(([of, stars]) => ({ key: of, pieces: stars.map(bytesOfPattern) }));
    const made = this.#build(all);
    this.#starts.set(key, made);
    return made;
  }

  #build(globs: readonly Glob[]): { row: number; classes: ReadonlyMap<number, readonly string[]> } {
    const steps = globs.map(stepsOf);
    const classes = new Map<number, readonly string[]>();
    const rowOf = new Map<string, number>();
    const waiting: { row: number; set: number[] }[] = [];
    // A position is glob * 1024 + step: no name is longer than 255 bytes, and a pattern has at most as many stars.
    const close = (set: Iterable<number>): number[] => {
      const closed = new Set<number>();
      for (let position of set) {
        closed.add(position);
        while (steps[position >> 10]?.[position & 1023] === undefined && this.#isStar(steps, position)) {
          position += 1;
          closed.add(position);
        }
      }
      return [...closed].sort((a, b) => a - b);
    };
    const rowFor = (set: number[]): number => {
      if (set.length === 0) return 0;
      const key = set.join();
      const known = rowOf.get(key);
      if (known !== undefined) return known;
      const row = this.rows.length;
      if (row >= LIMITS.nameRows)
        throw new CompileError('its patterns with "*" in a name need more states than the kernel has room for');
      const matched = set
        .filter((position) => (position & 1023) === steps[position >> 10]?.length)
        .map((position) => globs[position >> 10]?.key ?? '');
      const cls = matched.length === 0 ? 0 : this.#classOf(matched);
      if (cls !== 0) classes.set(cls, matched);
      this.rows.push({ next: new Uint16Array(256), cls });
      rowOf.set(key, row);
      waiting.push({ row, set });
      return row;
    };
    const first = rowFor(close(globs.map((_, glob) => glob << 10)));
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { row, set } = next;
      const stay = set.filter((position) => this.#isStar(steps, position));
      const byByte = new Map<number, number[]>();
      for (const position of set) {
        const byte = steps[position >> 10]?.[position & 1023];
        if (byte !== undefined) byByte.set(byte, [...(byByte.get(byte) ?? []), position + 1]);
      }
      const table = this.rows[row]?.next as Uint16Array;
      table.fill(rowFor(close(stay)));
      for (const [byte, moved] of byByte) table[byte] = rowFor(close([...stay, ...moved]));
    }
    return { row: first, classes };
  }

  #isStar(steps: readonly (number | undefined)[][], position: number): boolean {
    const of = steps[position >> 10] ?? [];
    const at = position & 1023;
    return at < of.length && of[at] === undefined;
  }

  #classOf(matched: readonly string[]): number {
    const key = [...matched].sort().join('\u0001');
    const cls = this.#classes.get(key) ?? this.#classes.size + 1;
    this.#classes.set(key, cls);
    return cls;
  }
}
