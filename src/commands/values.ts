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
