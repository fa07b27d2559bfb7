// What is kept of a rule between sessions, as the JSON of one file.
import { asciiJson } from '../ascii-json.js';
import type { Mode } from '../policy/index.js';
import { isCount, isHash } from '../untrusted.js';

/** Counts and times are those of the rule with this meaning. */
export interface RuleRecord {
  rule: string;
  /** SHA-256 of what it forbids: an edited rule is another one. */
  meaning: string;
  mode: Mode;
  /** Since when it is in that mode, ISO 8601. What follows begins anew with it, but for `audit_ms`. */
  since: string;
  /** Verdicts, and the times of the first and the last one. */
  would_block: number;
  blocked: number;
  first?: string;
  last?: string;
  /** Verdicts of any rule that were lost. */
  lost: number;
  /** Milliseconds in audit mode with agentgov watching. */
  trial_ms: number;
  /** True where the tier let something through now and then meanwhile. */
  leaky: boolean;
  /** Milliseconds in audit mode in all. */
  audit_ms: number;
  /** It is enforced because it proved quiet. */
  promoted: boolean;
}

const VERSION = 1;

const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= 1024;
const isTime = (value: unknown): boolean => typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
const orAbsent = (is: (value: unknown) => boolean) => (value: unknown) => value === undefined || is(value);
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';

const SHAPE: Record<keyof RuleRecord, (value: unknown) => boolean> = {
  rule: isText,
  meaning: isHash,
  mode: (value) => value === 'audit' || value === 'enforce',
  since: isTime,
  would_block: isCount,
  blocked: isCount,
  first: orAbsent(isTime),
  last: orAbsent(isTime),
  lost: isCount,
  trial_ms: isCount,
  leaky: isBoolean,
  audit_ms: isCount,
  promoted: isBoolean,
};

const isRecord = (value: unknown): value is RuleRecord =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(SHAPE).every(([key, is]) => is((value as Record<string, unknown>)[key]));

export const recordText = (rules: readonly RuleRecord[]): string => `${asciiJson({ version: VERSION, rules })}\n`;

/** @throws Error with the end of a sentence that begins with the file's name. */
export function parseRecord(text: string): RuleRecord[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('is no JSON');
  }
  const { version, rules } = (value ?? {}) as { version?: unknown; rules?: unknown };
  if (version !== VERSION || !Array.isArray(rules) || !rules.every(isRecord))
    throw new Error(`is no record of this version (${VERSION})`);
  return rules;
}
