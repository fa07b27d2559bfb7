// Clauses as the kernel has them, in lists: what competes over one object, in the order in which it decides.
import type { Clause } from '../engine/clause.js';
import { blockText } from '../pattern/address.js';
import { CompileError } from './error.js';
import { LIMITS, type List, PROTOCOLS, Rows, type Table } from './layout.js';

/** A clause with its place among all clauses. */
export interface Ranked {
  readonly clause: Clause;
  readonly order: number;
}

/** At most LIMITS.ports ranges a piece, sorted, without overlap; no ranges at all is one piece without any. */
function portPieces(ports: Clause['ports']): (readonly (readonly [number, number])[])[] {
  if (ports === undefined) return [[]];
  const merged: [number, number][] = [];
  for (const [from, to] of [...ports].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  const pieces: [number, number][][] = [];
  for (let at = 0; at < merged.length; at += LIMITS.ports) pieces.push(merged.slice(at, at + LIMITS.ports));
  return pieces;
}

/** What must hold beside the object and the operation; the same text is the same condition. */
const conditionOf = ({ exe, script, ports, protocols, written }: Clause): string => {
  const conditions = [exe?.id, script?.id, ports, protocols, written];
  return conditions.every((one) => one === undefined) ? UNCONDITIONAL : JSON.stringify(conditions);
};
const UNCONDITIONAL = '';

const NOTHING_DECIDED = { permits: 0, forbids: 0 };

/** Without those that never decide, because one before them with the same condition, or with none, always does. */
function pruned(ranked: readonly Ranked[]): Ranked[] {
  const kept: Ranked[] = [];
  const decided = new Map<string, { permits: number; forbids: number }>();
  for (const one of ranked) {
    const { clause } = one;
    const side = clause.forbids ? 'forbids' : 'permits';
    const condition = conditionOf(clause);
    const same = decided.get(condition) ?? NOTHING_DECIDED;
    const always = decided.get(UNCONDITIONAL) ?? NOTHING_DECIDED;
    if ((clause.ops & ~(same[side] | always[side])) === 0) continue;
    kept.push(one);
    decided.set(condition, { ...same, [side]: same[side] | clause.ops });
  }
  return kept;
}

/** What clauses of one list are about, in words: the object that they share, or the folder that all of theirs lie below. */
function placeOf(ranked: readonly Ranked[]): string {
  const objects = ranked.map(({ clause: { object } }) => object);
  const block = objects.find((object) => object !== undefined && 'block' in object);
  if (block !== undefined && 'block' in block) return blockText(block.block);
  const paths = objects.flatMap((object) => (object !== undefined && 'path' in object ? [object.path.text] : []));
  const [first = [], ...others] = paths.map((text) => text.split('/'));
  const shared = first.findIndex((name, at) => others.some((other) => other[at] !== name));
  return paths.length === 0
    ? 'whatever has no path and no address'
    : first.slice(0, shared < 0 ? undefined : shared).join('/') || '/';
}

/** enum ag_by. */
const BY = { undefined: 0, true: 1, false: 2 } as const;

const NONE: List = { start: 0, count: 0 };

export class ClauseLists {
  /** struct ag_clause. */
  readonly #rows = new Rows(4 * (9 + LIMITS.ports));
  readonly #known = new Map<string, List>();
  readonly #nameOf: (rule: number) => string;
  readonly #first: number;

  /** @param first row of the table where entries go. */
  constructor(nameOf: (rule: number) => string, first: number) {
    this.#nameOf = nameOf;
    this.#first = first;
  }

  get count(): number {
    return this.#rows.count;
  }

  /** The table from this entry on. */
  table(from: number): Table {
    return this.#rows.table('clauses', from);
  }

  /**
   * The list of these clauses, which need not be in order.
   * @throws CompileError naming them, when more compete over one object than the kernel looks at.
   */
  of(ranked: readonly Ranked[]): List {
    // Most states of the automaton are on the way to something, and mean nothing themselves.
    if (ranked.length === 0) return NONE;
    const kept = ranked.length === 1 ? ranked : pruned([...ranked].sort((a, b) => a.order - b.order));
    if (kept.length === 0) return NONE;
    const key = kept.map(({ order }) => order).join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const start = this.count;
    for (const one of kept) this.#put(one);
    const list = { start: this.#first + start, count: this.count - start };
    if (list.count > LIMITS.list) throw this.#tooMany(kept);
    if (this.count > LIMITS.clauses) throw new CompileError(`needs more than ${LIMITS.clauses} places for its rules`);
    this.#known.set(key, list);
    return list;
  }

  #tooMany(kept: readonly Ranked[]): CompileError {
    const names = [...new Set(kept.map(({ clause }) => this.#nameOf(clause.rule)))];
    const some = names.slice(0, 3).map((name) => `"${name}"`);
    const more = names.length > some.length ? ` and ${names.length - some.length} more` : '';
    return new CompileError(
      `has too many rules over ${placeOf(kept)} that differ in programs, ports or operations (${some.join(', ')}${more}): ` +
        `the kernel looks at ${LIMITS.list} in one place, where each ${LIMITS.ports} ranges of ports count as one; ` +
        'give them the same lists of programs, ports and operations, or make one rule of several',
    );
  }

  #put({ clause, order }: Ranked): void {
    const protocols = (clause.protocols ?? []).reduce((bits, name) => {
      const bit = (PROTOCOLS as readonly string[]).indexOf(name);
      if (bit < 0) throw new CompileError(`"${this.#nameOf(clause.rule)}": the kernel has no word for "${name}"`);
      return bits | (1 << bit);
    }, 0);
    for (const ranges of portPieces(clause.ports)) {
      const packed = ranges.map(([from, to]) => from | (to << 16));
      const [program, script] = [clause.exe, clause.script].map((set) => (set === undefined ? 0 : set.id + 1));
      const actors = (program ?? 0) | ((script ?? 0) << 16);
      const by = BY[`${clause.written}`];
      const { ops, rule, forbids } = clause;
      const row = this.#first + this.count;
      this.#rows.add(row, ops, rule, order, Number(forbids), actors, protocols, by, ranges.length, ...packed);
    }
  }
}
