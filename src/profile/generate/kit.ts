// A learned rule must not stand above a rule of the kit: the kit closes, and what is learned never opens it.
import {
  ASKS,
  type Clause,
  clausesOf,
  compareRank,
  EVERY_HOME,
  type Match,
  pathKit,
  pathsMeet,
  type RuleAction,
} from '../../policy/index.js';

let kit: readonly Clause[] | undefined;

const kitClauses = (): readonly Clause[] => {
  kit ??= clausesOf({ document: { version: '1.0', policies: [...pathKit()] } }, EVERY_HOME).clauses;
  return kit;
};

/** Whether one operation is decided by both. */
const share = (ops: number, closed: Clause): boolean =>
  Object.values(ASKS).some(({ permit, forbid }) => (ops & permit) !== 0 && (closed.ops & forbid) !== 0);

const byOps = new Map<number, readonly Clause[]>();

/** Clauses of the kit that speak of one of these operations. Asked for each path of a profile, always with the same few. */
function kitFor(ops: number): readonly Clause[] {
  let clauses = byOps.get(ops);
  if (clauses === undefined) {
    clauses = kitClauses().filter((closed) => share(ops, closed));
    byOps.set(ops, clauses);
  }
  return clauses;
}

/** Whether there is a path on which both speak. */
const meet = (learned: Clause, closed: Clause): boolean =>
  learned.object !== undefined &&
  'path' in learned.object &&
  closed.object !== undefined &&
  'path' in closed.object &&
  pathsMeet(learned.object.path, closed.object.path);

/** Stands for every user: one whose name is not at the same time that of a folder which the kit closes. */
const HOMES = ['/root', '/home/user'];

const clausesFor = (match: Match, action: RuleAction): readonly Clause[] =>
  clausesOf({ document: { version: '1.0', policies: [{ name: 'learned', match, action }] } }, HOMES).clauses;

/** Whether an ALLOW rule with this match would decide before the kit on some path that the kit closes. */
export const opensKit = (match: Match): boolean =>
  clausesFor(match, 'ALLOW').some((learned) =>
    kitFor(learned.ops).some((closed) => meet(learned, closed) && compareRank(learned, closed) > 0),
  );

/** The last two of a rank are the action and the place in the file: a rule that differs in nothing else contradicts. */
const isNearer = (a: Clause, b: Clause): boolean => {
  const cut = (clause: Clause): Clause => ({ ...clause, rank: clause.rank.slice(0, -2) });
  return compareRank(cut(a), cut(b)) > 0;
};

/** Whether a rule that holds what the kit closes would decide before it wherever both speak. */
export const standsAboveKit = (match: Match): boolean =>
  clausesFor(match, 'HUMAN_APPROVAL').every((held) =>
    kitFor(held.ops).every((closed) => !meet(held, closed) || isNearer(held, closed)),
  );
