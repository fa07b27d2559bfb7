import { FINDINGS, type Finding } from '../audit/index.js';
import { usageError } from '../errors.js';
import { isAgentId, MAX_AGENT_ID } from '../targets/index.js';

/** Readers of option values: the value, or one sentence that says what it must be. */

/** A year: longer than any session, and no number that a timer could misread. */
const LONGEST_SECONDS = 366 * 86_400;

export function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value > 0 && value <= LONGEST_SECONDS) return value;
  throw usageError(`--duration takes a number of seconds above 0, not ${JSON.stringify(text)}.`);
}

export function agentId(text: string): string {
  if (isAgentId(text)) return text;
  throw usageError(
    `--agent-id takes up to ${MAX_AGENT_ID} letters, digits and . _ - @ + (no leading dot or dash), not ${JSON.stringify(text)}.`,
  );
}

export function oneOf<T extends string>(option: string, allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((name) => name === text);
    if (found !== undefined) return found;
    throw usageError(`${option} takes one of ${allowed.join(', ')}, not ${JSON.stringify(text)}.`);
  };
}

export function addFinding(text: string, before: Finding[]): Finding[] {
  return [...before, oneOf('--fail-on', FINDINGS)(text)];
}

/** The number of a line, or of an event, from 1. */
export function lineNumber(name: string, text: string): number {
  const number = Number(text);
  if (/^[1-9]\d*$/.test(text) && Number.isSafeInteger(number)) return number;
  throw usageError(`${name} is the number of a line, from 1, not ${JSON.stringify(text)}`);
}

/** How many, none included. */
export function countFrom0(option: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw usageError(`${option} takes a whole number from 0, not ${JSON.stringify(text)}.`);
  };
}

/** A value that is an option was left out: commander would take the next flag for it. */
export function word(option: string): (text: string) => string {
  return (text) => {
    if (text.startsWith('--')) throw usageError(`${option} needs a value before ${text}.`);
    return text;
  };
}

/** Bytes of a kernel ring from the environment: for measurements and tests, so it is no option. */
export function ringSize(name: string, env: NodeJS.ProcessEnv): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const bytes = /^\d{1,12}$/.test(text) ? Number(text) : 0;
  if (bytes >= 4096 && bytes <= 2 ** 30 && Number.isInteger(Math.log2(bytes))) return bytes;
  throw usageError(`${name} must be a power of two from 4096 to ${2 ** 30} bytes, not ${JSON.stringify(text)}.`);
}

const SIZES = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;

/** A file smaller than that would hold hardly more than its own checkpoint. */
const SMALLEST_FILE = 2 ** 16;

/** A size of a log's file, in bytes or with K, M, G, T (powers of 1024). */
export function bytes(text: string): number {
  const [, digits, unit = ''] = /^(\d{1,15})([KMGT]?)i?B?$/.exec(text) ?? [];
  const value = digits === undefined ? 0 : Number(digits) * SIZES[unit as keyof typeof SIZES];
  if (value >= SMALLEST_FILE && Number.isSafeInteger(value)) return value;
  throw usageError(`--rotate-size takes a size from 64K up, as 100M or 2G, not ${JSON.stringify(text)}.`);
}

const AGES = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time with its unit, in milliseconds; at most a year. */
export function duration(option: string): (text: string) => number {
  return (text) => {
    const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
    const value = Number(digits ?? 0) * AGES[(unit ?? 's') as keyof typeof AGES];
    if (value > 0 && value <= 1000 * LONGEST_SECONDS) return value;
    throw usageError(`${option} takes a time as 90s, 30m, 12h or 7d, not ${JSON.stringify(text)}.`);
  };
}

/** How long lines may wait for fdatasync; what a power failure may take must have a bound. */
export function milliseconds(text: string): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 60_000) return value;
  throw usageError(`--fsync-ms takes a number of milliseconds from 0 to 60000, not ${JSON.stringify(text)}.`);
}

/** A number above 0, as of hours; at most a year of them. */
export function amount(option: string): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}(\.\d+)?$/.test(text) ? Number(text) : 0;
    if (value > 0 && value <= LONGEST_SECONDS / 60) return value;
    throw usageError(`${option} takes a number above 0, not ${JSON.stringify(text)}.`);
  };
}

/** A number of days, as 183, 183d or 10y; up to a century. */
export function days(text: string): number {
  const [, digits, unit] = /^(\d{1,6})([dy]?)$/.exec(text) ?? [];
  const value = digits === undefined ? Number.NaN : Number(digits) * (unit === 'y' ? 366 : 1);
  if (value <= 36_600) return value;
  throw usageError(`--older-than takes a number of days as 183d, or of years as 10y, not ${JSON.stringify(text)}.`);
}
