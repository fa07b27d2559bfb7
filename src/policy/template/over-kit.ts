import { type Clause, clausesOf } from '../engine/clause.js';
import type { Rule } from '../language/types.js';
import { coversPath, type PathPattern, pathsMeet } from '../pattern/path.js';
import { pathKit } from './kit.js';

const clausesIn = (rules: readonly Rule[], homes: readonly string[]): readonly Clause[] =>
  clausesOf({ document: { version: '1.0', policies: [...rules] } }, homes).clauses;

const pathOf = ({ object }: Clause): PathPattern | undefined =>
  object !== undefined && 'path' in object ? object.path : undefined;

/** Clauses of the kit by the list of home folders that they are for: there is one list a policy. */
const kits = new WeakMap<readonly string[], readonly Clause[]>();

function kitIn(homes: readonly string[]): readonly Clause[] {
  const clauses = kits.get(homes) ?? clausesIn(pathKit(), homes);
  kits.set(homes, clauses);
  return clauses;
}

/** A pattern without a place (`**` before a name) meets nearly every folder: there, what is named must lie within what is closed. */
const speaksOf = (own: PathPattern, closed: PathPattern): boolean =>
  own.floating || closed.floating ? coversPath(closed, own) : pathsMeet(own, closed);

/** The rule of the kit that closes files which this rule names too, for some operation of both; undefined without one. */
export function closedByKit(rule: Rule, homes: readonly string[]): string | undefined {
  const own = clausesIn([rule], homes);
  const closed = kitIn(homes).find((one) => {
    const path = pathOf(one);
    if (path === undefined) return false;
    return own.some((clause) => {
      const named = pathOf(clause);
      return named !== undefined && (clause.ops & one.ops) !== 0 && speaksOf(named, path);
    });
  });
  return closed === undefined ? undefined : pathKit()[closed.rule]?.name;
}
