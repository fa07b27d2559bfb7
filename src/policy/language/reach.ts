// Rules that can never decide, and rules that contradict each other.
import { type Clause, clausesByRule, compareRank, type Programs } from '../engine/clause.js';
import { coversBlock } from '../pattern/address.js';
import { coversDomain } from '../pattern/domain.js';
import { coversPath, EVERY_HOME } from '../pattern/path.js';
import { coversWords, type WordsPattern } from '../pattern/words.js';
import { ALL_BITS } from './operations.js';
import type { Source } from './source.js';
import type { Policy, Problem, Rule } from './types.js';

const coversObject = (wide: Clause['object'], narrow: Clause['object']): boolean => {
  if (wide === undefined) return true;
  if (narrow === undefined) return false;
  if ('path' in wide) return 'path' in narrow && coversPath(wide.path, narrow.path);
  if ('block' in wide) return 'block' in narrow && coversBlock(wide.block, narrow.block);
  return 'domain' in narrow && coversDomain(wide.domain, narrow.domain);
};

const coversPrograms = (wide: Programs | undefined, narrow: Programs | undefined): boolean =>
  wide === undefined ||
  (narrow !== undefined &&
    (wide === narrow || narrow.patterns.every((pattern) => wide.patterns.some((other) => coversPath(other, pattern)))));

const coversWordsOf = (wide: WordsPattern | undefined, narrow: WordsPattern | undefined): boolean =>
  wide === undefined || (narrow !== undefined && coversWords(wide, narrow));

/** Whether one clause matches all that another one matches (sound, not complete). */
function covers(wide: Clause, narrow: Clause): boolean {
  return (
    (narrow.ops & ~wide.ops) === 0 &&
    coversObject(wide.object, narrow.object) &&
    coversPrograms(wide.exe, narrow.exe) &&
    coversPrograms(wide.script, narrow.script) &&
    (wide.ports === undefined ||
      (narrow.ports?.every(([from, to]) => wide.ports?.some(([low, high]) => low <= from && to <= high)) ?? false)) &&
    (wide.protocols === undefined || (narrow.protocols?.every((one) => wide.protocols?.includes(one)) ?? false)) &&
    (wide.blocks === undefined ||
      (narrow.blocks?.every((block) => wide.blocks?.some((other) => coversBlock(other, block))) ?? false)) &&
    coversWordsOf(wide.tools, narrow.tools) &&
    coversWordsOf(wide.databases, narrow.databases) &&
    coversWordsOf(wide.intents, narrow.intents) &&
    (wide.written === undefined || wide.written === narrow.written)
  );
}

function objectKey({ object }: Clause): string {
  if (object === undefined) return '';
  if ('path' in object) return `path ${object.path.text}`;
  return 'domain' in object ? `domain ${object.domain.text}` : `block ${object.block.bits} ${object.block.bytes}`;
}

// Only two kinds of clauses can stand above one that they do not leave room beside: those with the same object, and
// floating patterns of rules that forbid (`**/.env`), which stand above the floating patterns of ALLOW rules.
const isFloating = ({ object }: Clause): boolean => object !== undefined && 'path' in object && object.path.floating;

/** More would be a policy made by a machine, and its floating patterns are compared with each other. */
const MAX_FLOATING = 2000;

/** The order of decisions. */
const asDecided = (a: Clause, b: Clause): number => compareRank(b, a);

/** For each clause that can never decide, the one that always decides before it. */
function shadowed(clauses: readonly Clause[]): Map<Clause, Clause> {
  const found = new Map<Clause, Clause>();
  const byObject = new Map<string, Clause[]>();
  for (const clause of clauses) {
    const key = objectKey(clause);
    const same = byObject.get(key);
    if (same) same.push(clause);
    else byObject.set(key, [clause]);
  }
  const floating = clauses
    .filter((clause) => clause.forbids && isFloating(clause))
    .sort(asDecided)
    .slice(0, MAX_FLOATING);
  for (const same of byObject.values()) {
    same.sort(asDecided);
    for (const [at, clause] of same.entries()) {
      const decides = (other: Clause): boolean => other.rule !== clause.rule && covers(other, clause);
      const isBelow = isFloating(clause) && !clause.forbids;
      const by = same.slice(0, at).find(decides) ?? (isBelow ? floating.find(decides) : undefined);
      if (by) found.set(clause, by);
    }
  }
  return found;
}

export function checkReach(
  policy: Pick<Policy, 'document' | 'patterns'>,
  source: Source,
): { problems: Problem[]; notes: Problem[]; clauses: ReadonlyMap<Rule, readonly Clause[]> } {
  const { document } = policy;
  const { byRule } = clausesByRule(policy, EVERY_HOME);
  const dead = shadowed(byRule.flat());
  const problems: Problem[] = [];
  const notes: Problem[] = [];
  const place = (rule: number) => source.at(['policies', rule, 'name']);
  for (const [index, own] of dead.size === 0 ? [] : byRule.entries()) {
    const rule = document.policies[index];
    const lost = own.filter((clause) => dead.has(clause)).sort(asDecided);
    const winner = lost[0] && dead.get(lost[0]);
    const other = winner && document.policies[winner.rule];
    if (rule === undefined || winner === undefined || other === undefined) continue;
    const named = `"${other.name}" (line ${place(winner.rule).line})`;
    const contradiction = lost.some((clause) => {
      const by = dead.get(clause);
      // What the actions imply differs; what is written is the same.
      return by && covers({ ...clause, ops: ALL_BITS }, by) && document.policies[by.rule]?.action !== rule.action;
    });
    if (contradiction) {
      problems.push({
        ...place(index),
        message: `"${rule.name}" contradicts ${named}: they match the same, and ${other.action} is the stricter; keep one of them, or make one more specific`,
      });
    } else if (lost.length === own.length) {
      problems.push({
        ...place(index),
        message: `"${rule.name}" is unreachable: ${named} always decides before it; remove it, or make it more specific`,
      });
    } else {
      notes.push({
        ...place(index),
        message: `${lost.length} of ${own.length} patterns of "${rule.name}" never decide: ${named} is before them`,
      });
    }
  }
  return { problems, notes, clauses: new Map(document.policies.map((rule, index) => [rule, byRule[index] ?? []])) };
}
