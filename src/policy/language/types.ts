// A policy as it is written. Every value has passed the schema and the checks when it has one of these types.
import type { Clause } from '../engine/clause.js';
import type { Patterns } from '../pattern/parsed.js';

export type RuleAction = 'ALLOW' | 'HUMAN_APPROVAL' | 'BLOCK';
export type Mode = 'audit' | 'enforce';
/** The classes that `default_action` may name. */
export type PolicyClass = 'file' | 'exec' | 'network' | 'tool';

/** What a rule is about. Within a key any value will do; all keys must hold (`path` and `path_prefix` are one key). */
export interface Match {
  event?: string[];
  tool?: string[];
  access?: string[];
  path?: string[];
  path_prefix?: string[];
  exe?: string[];
  script?: string[];
  destination_domain?: string[];
  destination_ip?: string[];
  port?: (number | string)[];
  protocol?: string[];
  database?: string[];
  intent?: string[];
  /** Whether the file that is run is one that the tree has written. */
  written?: boolean;
}

export interface Rule {
  name: string;
  match: Match;
  action: RuleAction;
  /** Overrides the policy's. */
  mode?: Mode;
  /** false: what this rule allows is not written to the log. */
  audit?: boolean;
  log_level?: 'NORMAL' | 'VERBOSE';
  alert?: boolean;
  /** `20/minute`: what an ALLOW rule lets through; more is blocked. */
  max?: string;
  errno?: 'EPERM' | 'EACCES';
  guidance?: string;
  approval_channel?: string;
  timeout_seconds?: number;
}

export type Sink = { webhook: string } | { syslog: string } | { command: string[] };

export interface PolicyDocument {
  version: '1.0';
  agent_id?: string;
  mode?: Mode;
  default_action?: Partial<Record<PolicyClass, RuleAction>>;
  on_exit?: 'keep' | 'release';
  on_log_failure?: 'continue' | 'block' | 'stop';
  strict_sni?: boolean;
  resolvers?: string[];
  channels?: Record<string, Sink>;
  alerts?: Sink[];
  policies: Rule[];
}

/** A place in the policy file, both counted from 1; columns count UTF-16 units, as editors do. */
export interface Position {
  line: number;
  column: number;
}

/** A policy that holds: what was written, and where. */
export interface Policy {
  /** As it was named when it was loaded. */
  readonly file: string;
  readonly document: PolicyDocument;
  /** SHA-256 of the file's bytes, lower-case hex: `policy_sha256` of events. */
  readonly sha256: string;
  /** Where each rule begins (its name). */
  readonly positions: readonly Position[];
  /** What is no error but should be known: one sentence each. */
  readonly notes: readonly Problem[];
  /** What was parsed when it was checked, for those who ask again. */
  readonly patterns?: Patterns;
  /** The same of each rule's clauses, where `~` is any home and nothing has another name. */
  readonly clauses?: ReadonlyMap<Rule, readonly Clause[]>;
}

/** Something to say about one place of the policy file. */
export interface Problem extends Position {
  message: string;
}
