import { asciiJson } from '../ascii-json.js';
import { BREAKS } from './words.js';

/** Of one call: a command names a few files, a text that is to be written hundreds. */
const PATHS_MAX = 64;
const LENGTH_MAX = 4096;

/** `./`, `../` and `~/` say where to begin, which the path of an event does not. */
const BEGINNING = /^(?:~\/|\.{1,2}\/)+/;

/**
 * What in texts may be the name of a file, with its folder or without. A text that is one as a whole comes before the
 * words of others.
 */
export function pathsIn(texts: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const piece of [...texts, ...texts.flatMap((text) => text.split(BREAKS, 4 * PATHS_MAX))]) {
    const path = piece.replace(BEGINNING, '').replace(/(?<=.)\/+$/, '');
    if (path.length < 3 || path.length > LENGTH_MAX || !/[./]/.test(path) || path.includes('://')) continue;
    paths.add(path);
    if (paths.size === PATHS_MAX) break;
  }
  return [...paths];
}

/** How a path is named by a call: as a whole, by its end, or not. */
export function namedBy(path: string, named: readonly string[]): 'path' | 'name' | undefined {
  if (named.includes(path)) return 'path';
  return named.some((name) => !name.startsWith('/') && path.endsWith(`/${name}`)) ? 'name' : undefined;
}

const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The last name of a path, as a line of the log spells it. */
export const spelledBase = (path: string): string => asciiJson(base(path)).slice(1, -1);

const PATH = '"path": "';

/** The last name of the path in an event's line, as it stands there. Inside a text each quote has a backslash before it. */
export function baseInLine(line: string): string | undefined {
  const at = line.indexOf(PATH);
  if (at < 0) return undefined;
  const end = line.indexOf('", "', at + PATH.length);
  return end < 0 ? undefined : base(line.slice(at + PATH.length, end));
}
