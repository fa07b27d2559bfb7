// What in a name changes from run to run: temporary names, hashes, dates, versions, pids, UUIDs.
import { literalPattern } from '../policy/index.js';

/** A path as a pattern of the policy language, and how sure it is that its stars stand for anything. */
export interface Shape {
  /** Nothing is a star but pids under /proc. */
  readonly literal: string;
  /** Only what never comes again is a star: UUIDs, long hashes, time stamps, names of temporary files. */
  readonly sure: string;
  /** Numbers, versions, dates and short hashes are stars too. That needs several names that differ in nothing else. */
  readonly likely: string;
  /** The folder made for temporary work, if the path is below one: `/tmp/tmp*`. */
  readonly scratch?: string;
}

const STAR = '\u0000';

/** A whole token of letters and digits. */
const token = (body: string, flags: string): RegExp => new RegExp(`(?<![0-9A-Za-z])${body}(?![0-9A-Za-z])`, flags);
const SURE: readonly RegExp[] = [
  token('[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'gi'),
  token('(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{16,}', 'gi'),
  token('(?=[0-9A-Za-z]*[0-9])(?=[0-9A-Za-z]*[A-Z])(?=[0-9A-Za-z]*[a-z])[0-9A-Za-z]{20,}', 'g'),
  token('[0-9]{10,}', 'g'),
];
const LIKELY: readonly RegExp[] = [
  token(
    '(?:19|20)[0-9]{2}[-_.]?[01][0-9][-_.]?[0-3][0-9](?:[T_-]?[0-2][0-9][-_.:]?[0-5][0-9](?:[-_.:]?[0-5][0-9])?Z?)?',
    'g',
  ),
  token('(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,15}', 'gi'),
  token('v?[0-9]+(?:\\.[0-9]+)+', 'g'),
  token('[0-9]{1,9}', 'g'),
];

/** Six characters or more behind a separator or `tmp`, which no person has chosen: mkstemp and its like. */
const RANDOM =
  /((?:^|[-_.])(?:te?mp)?[-_.]?|^tmp)((?=[0-9A-Za-z_]*[0-9]|[0-9A-Za-z_]*[a-z][0-9A-Za-z_]*[A-Z])[0-9A-Za-z_]{6,12})(?=$|\.)/g;
const IS_TEMPORARY = /te?mp/i;
const TEMPORARY_FOLDER = /^\/(?:tmp|var\/tmp|dev\/shm)\//;

const stars = (text: string, patterns: readonly RegExp[]): string =>
  patterns.reduce((done, pattern) => done.replace(pattern, STAR), text);

/** Neighbouring stars are one: `**` would be another thing. */
const asPattern = (marked: string): string =>
  marked
    .split(STAR)
    .filter((piece, at, all) => piece !== '' || at === 0 || at === all.length - 1)
    .map(literalPattern)
    .join('*');

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0001-\u001f\u007f]+/g;

function shapeOfName(name: string, isTemporary: boolean): { sure: string; likely: string } {
  // No pattern can spell a control character.
  const plain = name.replace(CONTROL, STAR);
  // What looks like a number in an escaped byte is none.
  if (name.includes('\\')) return { sure: asPattern(plain), likely: asPattern(plain) };
  let sure = stars(plain, SURE);
  if (isTemporary || IS_TEMPORARY.test(name)) sure = sure.replace(RANDOM, `$1${STAR}`);
  return { sure: asPattern(sure), likely: asPattern(stars(sure, LIKELY)) };
}

/** @param path absolute, or of an abstract socket (`@name`), as a profile has it. */
export function shapeOf(path: string): Shape {
  // The own process and others have no pid in a profile; in a pattern both are a star.
  const proc = /^\/proc\/(?:self|\*)(?=\/|$)/.exec(path);
  const rest = proc === null ? path : path.slice(proc[0].length);
  const inTemporary = TEMPORARY_FOLDER.test(path);
  const names = rest
    .split('/')
    .map((name) =>
      proc !== null && /^[0-9]+$/.test(name) ? { sure: '*', likely: '*' } : shapeOfName(name, inTemporary),
    );
  const join = (of: 'sure' | 'likely'): string =>
    (proc === null ? '' : '/proc/*') + names.map((name) => name[of]).join('/');
  const scratch = inTemporary ? scratchOf(names.map(({ sure }) => sure)) : undefined;
  return {
    literal: (proc === null ? '' : '/proc/*') + literalPattern(rest),
    sure: join('sure'),
    likely: join('likely'),
    ...(scratch !== undefined && { scratch }),
  };
}

/** The first folder on the way whose name was made up for one run. */
function scratchOf(names: readonly string[]): string | undefined {
  const at = names.findIndex((name) => /(?<!\\)\*/.test(name));
  return at === -1 || at === names.length - 1 ? undefined : names.slice(0, at + 1).join('/');
}

export const isPattern = (pattern: string): boolean => /(?<!\\)\*/.test(pattern);
