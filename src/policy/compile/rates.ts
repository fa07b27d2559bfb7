// Rules with `max`: which row of the kernel's table remembers what each of them has let through.
import { parseRate } from '../engine/rate.js';
import type { Rule } from '../language/types.js';
import { CompileError } from './error.js';
import { halves, LIMITS, Rows, type Table } from './layout.js';

/** Rows of `rates`, by all that makes a rule the same one: its name, what it is about, and how often. */
export type RateRows = ReadonlyMap<string, number>;

const keyOf = ({ name, match, max }: Rule): string => JSON.stringify([name, match, max]);

export class Rates {
  readonly rows: RateRows;
  /** Those that no rule had before: all else goes on as it is. */
  readonly table: Table;

  /**
   * @param before of the policy in force: the same rule keeps its row, and no other gets it.
   * @throws CompileError
   */
  constructor(rules: readonly Rule[], before: RateRows) {
    const limited = rules.filter(({ max }) => max !== undefined);
    if (limited.length > LIMITS.rates / 2)
      throw new CompileError(`has ${limited.length} rules with max, and the kernel has room for ${LIMITS.rates / 2}`);
    const taken = new Set(before.values());
    const free = Array.from({ length: LIMITS.rates }, (_, row) => row).filter((row) => !taken.has(row));
    const entries = new Rows(4 * (7 + 6 * LIMITS.rateGroups));
    this.rows = new Map(
      limited.map((rule): [string, number] => {
        const key = keyOf(rule);
        const row = before.get(key) ?? (free.shift() as number);
        if (!before.has(key)) addRate(entries, row, rule);
        return [key, row];
      }),
    );
    this.table = entries.table('rates');
  }

  /** What struct ag_rule has of it: one more than the row; 0 for a rule without `max`. */
  of(rule: Rule): number {
    return rule.max === undefined ? 0 : (this.rows.get(keyOf(rule)) ?? -1) + 1;
  }
}

/** struct ag_rate, which has let nothing through yet. */
function addRate(entries: Rows, row: number, { max = '' }: Rule): void {
  const { windowUs, groups, each } = parseRate(max);
  entries.add(row, ...halves(BigInt(windowUs) * 1000n), ...halves(BigInt(each)), groups);
}
