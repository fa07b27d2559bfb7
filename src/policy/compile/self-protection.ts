// Rules over agentgov itself, which hold whatever the policy says.

import type { Aliases } from '../engine/aliases.js';
import { type Clause, clausesOf } from '../engine/clause.js';
import { bit } from '../language/operations.js';
import type { Match, Rule } from '../language/types.js';
import type { Mount } from './devices.js';

/** Patterns of files that nobody in the tree may change; with `secret` they may not be read or run either. */
export interface OwnFiles {
  /** Behind `self_protection.`. */
  readonly name: string;
  readonly path?: readonly string[];
  readonly prefix?: readonly string[];
  readonly secret?: boolean;
}

export interface SelfProtection {
  readonly files: readonly OwnFiles[];
  /** Inode number of the mount namespace in which these files are. */
  readonly mountNamespace: number;
}

/** What holds of agentgov in both modes, and what would be in the way of an agent that is only audited. */
const PROCESS = 'process';
const BEYOND: readonly string[] = ['outside', 'kernel'];
/** Over files of other agents' sessions, which the kernel has of their engines (bpf/include/guards.h). */
const AGENTS = 'agents';
/** Holds while the log cannot be written, where the policy says so (`on_log_failure: block`): the kernel is told when. */
const LOG_FAILURE = 'log_failure';
const CHANGES = ['write', 'create', 'delete', 'rename', 'link', 'attr'];

const ruleOf = ({ name, path, prefix, secret }: OwnFiles): Rule => {
  const match: Match = {
    ...(path && { path: [...path] }),
    ...(prefix && { path_prefix: [...prefix] }),
    ...(secret ? {} : { access: CHANGES }),
  };
  return { name: `self_protection.${name}`, match, action: 'BLOCK' };
};

const blanket = (name: string): Rule => ({ name: `self_protection.${name}`, match: {}, action: 'BLOCK' });

export interface OwnRule extends Rule {
  /** It is enforced whatever the modes of the policy are. */
  readonly always: boolean;
}

/** The rules, in the order of their numbers: after those over files as in enum ag_own. */
export const ownRules = ({ files }: SelfProtection): OwnRule[] => [
  ...files.map((file) => ({ ...ruleOf(file), always: true })),
  { ...blanket(PROCESS), always: true },
  ...BEYOND.map((name) => ({ ...blanket(name), always: false })),
  { ...blanket(LOG_FAILURE), always: true },
  { ...blanket(AGENTS), always: true },
];

/**
 * The clauses of those over files, in the order in which they decide. They are also about mounts, which would hide a
 * file or take it away.
 * @param first number of the first rule.
 */
export function ownClauses({ files }: SelfProtection, first: number, aliases: Aliases | undefined): Clause[] {
  const { clauses } = clausesOf({ document: { version: '1.0', policies: files.map(ruleOf) } }, [], aliases);
  return clauses.map((clause) => ({ ...clause, rule: first + clause.rule, ops: clause.ops | bit('mount') }));
}

/** The end of struct ag_policy. @param first as above. */
export function ownHead(own: SelfProtection | undefined, first: number, mounts: readonly Mount[]): number[] {
  if (own === undefined) return [0, 0, 0];
  const root = mounts.findLast(({ at }) => at.length === 0)?.id ?? 0;
  return [first + own.files.length, own.mountNamespace, root];
}
