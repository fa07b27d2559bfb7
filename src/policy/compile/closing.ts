// Rules that can be against something: what each of them means, and whether it is over what must be decided by people.
import { hash } from 'node:crypto';
import { operationsOf } from '../engine/clause.js';
import { classBits } from '../language/operations.js';
import type { Match, Policy, Rule } from '../language/types.js';
import { closedByKit } from '../template/over-kit.js';
import { cannotHold } from './holds.js';
import { CLASSES } from './layout.js';

/** A rule that can be against something, under the name that verdicts have. */
export interface ClosingRule {
  readonly name: string;
  /**
   * SHA-256 of what it forbids, lower-case hex: its action and match, and the ALLOW rules that speak of its operations, for what
   * they except is not what it is against. Mode, guidance and errno are no part of that. Made when it is first asked for: a policy
   * need not wait for those of thousands of rules to be in force.
   */
  readonly meaning: string;
  /** The rule of the path kit that closes files which this one names too; undefined for a rule over none. */
  readonly sensitive: () => string | undefined;
}

/** A rule that lets only so much through is against the rest. */
const isClosing = ({ action, max }: Rule): boolean => action !== 'ALLOW' || max !== undefined;

const sha256 = (value: unknown): string => hash('sha256', JSON.stringify(value));
/** The same of a list whose items are JSON already. */
const sha256OfList = (items: readonly string[]): string => hash('sha256', `[${items.join()}]`);

/** What is made when it is first asked for, and then kept. */
function onDemand<T>(make: () => T): () => T {
  let made: { as: T } | undefined;
  return () => {
    made ??= { as: make() };
    return made.as;
  };
}

/** As JSON, whatever the order of the keys and of the values in which it is written. */
const spelled = (match: Match): string =>
  JSON.stringify(
    Object.entries(match)
      .map(([key, values]): [string, unknown] => [key, [values].flat().map(String).sort()])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

/** @param own names of rules of agentgov itself, which no policy has. */
export function closingRules({ document }: Policy, homes: readonly string[], own: readonly string[]): ClosingRule[] {
  const held = document.policies.filter((rule) => cannotHold(rule) === undefined);
  const permits = onDemand(() =>
    held
      .filter(({ action }) => action === 'ALLOW')
      .map(({ match }) => ({ ops: operationsOf(match, false), text: spelled(match) })),
  );
  const known = new Map<number, string>();
  const permitted = (ops: number): string => {
    const texts = (): string[] => permits().flatMap((one) => ((one.ops & ops) === 0 ? [] : one.text));
    const one = known.get(ops) ?? sha256(texts().sort());
    known.set(ops, one);
    return one;
  };
  const ofRule = (rule: Rule): ClosingRule => {
    const { name, match, action, max } = rule;
    const meaning = onDemand(() => {
      const ends = [permitted(operationsOf(match, action !== 'ALLOW')), ...(max === undefined ? [] : [max])];
      return sha256OfList([JSON.stringify(action), spelled(match), ...ends.map((end) => JSON.stringify(end))]);
    });
    return {
      name,
      get meaning() {
        return meaning();
      },
      // Costs as much as the kit is long, and most rules are never asked.
      sensitive: onDemand(() => closedByKit(rule, homes)),
    };
  };
  const noFiles = (): undefined => undefined;
  const defaults = CLASSES.flatMap((of): ClosingRule[] => {
    const action = of === 'system' ? undefined : document.default_action?.[of];
    if (action === undefined || action === 'ALLOW') return [];
    const meaning = onDemand(() => sha256([action, permitted(classBits(of))]));
    return [
      {
        name: `default_action.${of}`,
        get meaning() {
          return meaning();
        },
        sensitive: noFiles,
      },
    ];
  });
  return [
    ...held.filter(isClosing).map(ofRule),
    ...defaults,
    ...own.map((name) => ({ name, meaning: sha256(name), sensitive: noFiles })),
  ];
}
