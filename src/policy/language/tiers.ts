// Where a rule can be held: docs/policy.md has the same in words.
import { operationsOf } from '../engine/clause.js';
import { eventBits, TOOL_CALL } from './operations.js';
import type { Rule } from './types.js';

export interface Enforcement {
  /** Tiers of the kernel, and `gateway` for calls of tools. */
  readonly in: readonly ('lsm' | 'hook' | 'launch' | 'gateway')[];
  /** What is less than it looks. */
  readonly notes: readonly string[];
}

const NETWORK = eventBits('network_connect') | eventBits('network_send') | eventBits('network_bind');

/** Where a rule is enforced; `observe` enforces nothing. Whether this machine has the tier is no matter of the policy. */
export function enforcementOf(rule: Rule): Enforcement {
  const { match } = rule;
  const ops = operationsOf(match, rule.action !== 'ALLOW');
  const kernel = ops & ~TOOL_CALL;
  const notes: string[] = [];
  const tiers: Enforcement['in'][number][] = [];
  if (match.intent !== undefined) notes.push('only the gateway and replay know the intent');
  else if (rule.max !== undefined) notes.push('only replay counts how often: enforce refuses it, or goes without it');
  else if (kernel !== 0) {
    tiers.push('lsm', 'hook');
    // Landlock and cgroup programs know no acting program and hold nobody.
    const isPlain = !match.exe && !match.script && rule.action !== 'HUMAN_APPROVAL';
    const byAddress = (kernel & ~NETWORK) === 0 && !match.destination_domain;
    const isPermit = rule.action === 'ALLOW' && !match.path?.some((path) => /\*(?!\*$)(?!$)/.test(path));
    if (isPlain && (byAddress || isPermit)) tiers.push('launch');
    if (match.destination_domain) notes.push('best effort: the kernel knows the addresses that the name server gave');
  }
  if ((ops & TOOL_CALL) !== 0 && rule.max === undefined) tiers.push('gateway');
  return { in: tiers, notes };
}
