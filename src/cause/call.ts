import { ownText } from '../own-text.js';
import { pathsIn } from './paths.js';
import { tellingWords } from './words.js';

/** What is remembered of a call's arguments, in characters. */
const ARGUMENTS_MAX = 65_536;

/** A tool call as it was asked for. Arguments are whole and as they came: they stay in memory. */
export interface Asked {
  readonly seq: number;
  /** CLOCK_BOOTTIME, microseconds. */
  readonly tsUs: number;
  readonly args: string;
  /** Their keyed hash. */
  readonly hmac: string;
}

/** What is remembered of a tool call. */
export interface Call {
  readonly seq: number;
  readonly tsUs: number;
  readonly hmac: string;
  /** Its texts: each argument's value, white space made one. */
  readonly texts: readonly string[];
  readonly words: ReadonlySet<string>;
  readonly paths: readonly string[];
  /** The arguments in the one form that equal ones have; undefined where they are no JSON. */
  readonly canonical: string | undefined;
}

export function callOf({ seq, tsUs, args, hmac }: Asked): Call {
  const known = ownText(args.slice(0, ARGUMENTS_MAX));
  const texts = textsOf(known);
  const words = new Set(tellingWords(known));
  return { seq, tsUs, hmac, texts, words, paths: pathsIn(texts), canonical: canonicalOf(known) };
}

export const squeeze = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** All texts inside arguments, which are JSON unless they were cut. */
export function textsOf(args: string): string[] {
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') texts.push(squeeze(value));
    else if (Array.isArray(value)) {
      // A command may be a list of its words.
      if (value.every((item) => typeof item === 'string')) texts.push(squeeze(value.join(' ')));
      for (const item of value) walk(item);
    } else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) walk(item);
  };
  try {
    walk(JSON.parse(args));
  } catch {
    texts.push(squeeze(args));
  }
  return texts;
}

function canonicalOf(args: string): string | undefined {
  try {
    return canonical(JSON.parse(args));
  } catch {
    return undefined;
  }
}

/** JSON with the keys of each object in order. What is inside another value is inside its text, too. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
