// What is known of a log from outside of it: its end, or where it stood earlier.
import type { Tip } from './chain.js';
import type { CheckResult, Verdict } from './verdict.js';

/** Something that contradicts the log. */
export interface Problem {
  readonly verdict: Extract<Verdict['verdict'], 'tampered' | 'truncated'>;
  readonly line: number | null;
  readonly reason: string;
  readonly chain: CheckResult;
  /** The hashes hold all the same. */
  readonly formOnly: boolean;
}

/** That the log has, or had, `count` events, the last of them with this `hash_self`. */
export interface Claim {
  /** What makes the claim, as a sentence's subject: "the tip file". */
  readonly who: string;
  readonly count?: number | undefined;
  readonly hash?: string | undefined;
  /** Nothing may follow. */
  readonly isEnd: boolean;
}

/** What a finished check of the chain knows. */
export interface Standing {
  readonly tip: Tip;
  /** `hash_self` of the lines that were asked for, by `seq`. */
  hashAt(seq: number): string | undefined;
}

/** What became of one check. */
export interface Judged {
  readonly result: CheckResult;
  readonly problem?: Problem;
}

export const found = (verdict: Problem['verdict'], line: number | null, reason: string): Problem => ({
  verdict,
  line,
  reason,
  chain: 'ok',
  formOnly: false,
});

/** Holds a claim against a chain that holds; undefined when they agree. */
export function judgeClaim({ tip, hashAt }: Standing, { who, count, hash, isEnd }: Claim): Problem | undefined {
  if (count !== undefined && tip.count < count) {
    return found(
      'truncated',
      null,
      `${who} knows ${count} events, and ${tip.count} are there: the end of the log is missing`,
    );
  }
  if (count !== undefined && isEnd && tip.count > count) {
    return found('tampered', count + 1, `line ${count + 1}: the log should end before it, says ${who}`);
  }
  if (hash === undefined || count === 0) return undefined;
  const own = count === undefined ? tip.hash : hashAt(count);
  if (own === hash) return undefined;
  const line = count ?? (tip.count > 0 ? tip.count : null);
  const place = line === null ? 'the last event' : `line ${line}`;
  return found(
    'tampered',
    line,
    `${place}: it is not the event that ${who} knows: it was replaced, or the log rewritten or cut`,
  );
}
