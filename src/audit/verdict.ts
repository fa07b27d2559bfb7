import type { Finding } from './findings.js';

/** ok: looked at and right. absent: there was nothing to look at. failed: it contradicts the log. */
export type CheckResult = 'ok' | 'absent' | 'failed';

/** What `agentgov verify --json` prints for one log; docs/audit-format.md describes each key. */
export interface Verdict {
  verdict: 'intact' | 'tampered' | 'truncated' | 'empty';
  /** Lines whose hashes hold, counted up to the first that does not. */
  events: number;
  /** Counted from 1. */
  first_bad_line: number | null;
  reason: string;
  first_seq: number | null;
  last_seq: number | null;
  /** `hash_self` of the last line that holds. */
  last_hash: string | null;
  /** Sum of what the log's own `events_lost` records say. */
  events_lost: number;
  /** Every line that was read is its canonical form and ends in LF. */
  canonical: boolean;
  checks: { chain: CheckResult; tip: CheckResult; state: CheckResult; checkpoints: CheckResult };
  /** Present when the lines before `first_seq` were removed on purpose: how many. */
  pruned?: number;
  /** Present when a writer held the log's lock: it was read to its last LF at that time. */
  live?: true;
}

export interface Verification extends Verdict {
  /** How many events carry each finding that `--fail-on` can name. */
  findings: Record<Finding, number>;
}

export const isSound = ({ verdict }: Verdict): boolean => verdict === 'intact' || verdict === 'empty';
