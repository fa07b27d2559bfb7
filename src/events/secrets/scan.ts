import { NAME_MAX } from './names.js';

/**
 * What a text is, which decides where a value ends:
 * - `path`: a value ends at the next slash, so that the rest of the path stays evidence;
 * - `words`: free text;
 * - `argument`: one argument of a command, not read by a shell: `--password=a b` is one value;
 * - `script`: an argument that a shell reads.
 */
export type TextKind = 'path' | 'words' | 'argument' | 'script';

/** UTF-16 offsets of a value, end exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** In a command line, where prompts, JSON bodies and nested quotes are usual, more is taken for a secret. */
export const isCommand = (kind: TextKind): boolean => kind === 'argument' || kind === 'script';

/** First place from `from` on where `stop` matches, or the end. */
export function until(text: string, from: number, stop: RegExp): number {
  const at = text.slice(from).search(stop);
  return at < 0 ? text.length : from + at;
}

/** First place from `from` on that holds none of the characters. */
export function skip(text: string, from: number, characters: string): number {
  let at = from;
  while (at < text.length && characters.includes(text[at] as string)) at++;
  return at;
}

const NAME_CHAR = /[A-Za-z0-9_.-]/;

/** Start of the option's, variable's or header's name that ends at `end`; at most NAME_MAX characters of it. */
export function nameStart(text: string, end: number): number {
  let start = end;
  while (start > 0 && end - start < NAME_MAX && NAME_CHAR.test(text[start - 1] as string)) start--;
  return start;
}

/**
 * The inside of the quotes that open at `at`, nested ones (`\"`) too; to the end where they do not close. A double quote
 * closes where those that opened have as many backslashes before them, and besides these only escaped backslashes.
 */
export function quoted(text: string, at: number): Range | undefined {
  const quoteAt = skip(text, at, '\\');
  const depth = quoteAt - at;
  const mark = text[quoteAt];
  if (depth > 3 || (mark !== '"' && mark !== "'")) return undefined;
  const start = quoteAt + 1;
  if (mark === "'") {
    const end = text.indexOf(text.slice(at, start), start);
    return { start, end: end < 0 ? text.length : end };
  }
  for (let end = text.indexOf(mark, start); end >= 0; end = text.indexOf(mark, end + 1)) {
    let before = end;
    while (before > start && text[before - 1] === '\\') before--;
    const more = end - before - depth;
    if (more >= 0 && more % (2 * (depth + 1)) === 0) return { start, end: end - depth };
  }
  return { start, end: text.length };
}

const WORD_END = /(?<!\\)[\s;|&()<>`"']/;
const WORD_END_IN_PATH = /[\s;|&()<>`"'/]/;

/** End of the word that goes on at `at`, as a shell would see it. */
export const wordEnd = (text: string, at: number, kind: TextKind): number =>
  until(text, at, kind === 'path' ? WORD_END_IN_PATH : WORD_END);

/** The word at `at`, without its quotes. */
export const wordAt = (text: string, at: number, kind: TextKind): Range =>
  // A shell takes the escapes of C in $'…'.
  quoted(text, kind === 'script' && text.startsWith("$'", at) ? at + 1 : at) ?? {
    start: at,
    end: wordEnd(text, at, kind),
  };

/** `$NAME` and `$(…)`, as much of it as a word holds. */
const REFERENCE = /^\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[^}]{0,256}\}|\(.*)?$/s;

/** Whether a command begins here that a shell would run for its output, however far it goes. */
export const runsCommand = (text: string, at: number, kind: TextKind): boolean =>
  kind !== 'argument' && text.startsWith('$(', at) && text[at - 1] !== "'";

/** Whether a value in a script only names a secret: a shell will put it there. */
export const isReference = (text: string, { start, end }: Range, kind: TextKind): boolean =>
  kind !== 'argument' && text[start] === '$' && text[start - 1] !== "'" && REFERENCE.test(text.slice(start, end));
