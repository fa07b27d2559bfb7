// Where a rule can be held: docs/policy.md has the same in words.
import { cannotHold, permitsToolsOnly } from '../compile/holds.js';
import { operationsOf } from '../engine/clause.js';
import { TOOL_CALL } from './operations.js';
import type { Rule } from './types.js';

export interface Enforcement {
  /** Tiers that hold it. */
  readonly in: readonly ('lsm' | 'hook')[];
  /** What is less than it looks. */
  readonly notes: readonly string[];
}

/** Where a rule is enforced; `observe` enforces nothing. Whether this machine has the tier is no matter of the policy. */
export function enforcementOf(rule: Rule): Enforcement {
  const { match } = rule;
  const ops = operationsOf(match, rule.action !== 'ALLOW');
  const kernel = ops & ~TOOL_CALL;
  const notes: string[] = [];
  const tiers: Enforcement['in'][number][] = [];
  const why = cannotHold(rule);
  if (why !== undefined) {
    const what = permitsToolsOnly(rule) ? 'goes without it' : 'refuses it, or with --accept goes without it';
    notes.push(`enforce ${what}: ${why}`);
  } else {
    tiers.push('lsm', 'hook');
    if (match.destination_domain) notes.push('best effort: the kernel knows the addresses that the name server gave');
  }
  if (kernel === 0 || match.tool !== undefined)
    notes.push('calls of tools are only decided by replay: no gateway asks yet');
  return { in: tiers, notes };
}
