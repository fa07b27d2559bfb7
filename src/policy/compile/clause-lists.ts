// Clauses as the kernel has them, in lists: what competes over one object, in the order in which it decides.
import type { Clause } from '../engine/clause.js';
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

const isUnconditional = ({ exe, script, ports, protocols, written }: Clause): boolean =>
  [exe, script, ports, protocols, written].every((condition) => condition === undefined);

/** Without those that never decide, because one before them always does. */
function pruned(ranked: readonly Ranked[]): Ranked[] {
  const kept: Ranked[] = [];
  const decided = { permits: 0, forbids: 0 };
  for (const one of ranked) {
    const { clause } = one;
    const side = clause.forbids ? 'forbids' : 'permits';
    if ((clause.ops & ~decided[side]) === 0) continue;
    kept.push(one);
    if (isUnconditional(clause)) decided[side] |= clause.ops;
  }
  return kept;
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
   * @throws CompileError when more compete over one object than the kernel looks at.
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
    const last = kept.at(-1);
    if (list.count > LIMITS.list || this.count > LIMITS.clauses)
      throw new CompileError(
        `too many rules speak of the same object, "${this.#nameOf(last?.clause.rule ?? 0)}" among them (${LIMITS.list} are looked at)`,
      );
    this.#known.set(key, list);
    return list;
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
