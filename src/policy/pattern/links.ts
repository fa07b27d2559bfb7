// Symbolic links in what rules name. The kernel decides by where a file lies, and a rule may name it by a link.
import { lstatSync, readlinkSync } from 'node:fs';
import { textOfBytes } from '../../events/index.js';
import { bytesOfPattern } from './bytes.js';
import { type Component, type PathPattern, withComponents } from './path.js';

/** As many as the kernel follows (include/linux/namei.h, MAXSYMLINKS). */
const LINKS_MAX = 40;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o022;
const ANY_NAME: Component = ['', ''];
/** Links of procfs that lead elsewhere for each process (proc(5)), and what stands for all of them. */
const OWN: Readonly<Record<string, readonly Component[]>> = {
  self: [ANY_NAME],
  'thread-self': [ANY_NAME, ['task'], ANY_NAME],
};

export interface Led {
  readonly pattern: PathPattern;
  /** A link on the way that somebody else than root could have put there; absent where there is none. */
  readonly loose?: string;
}

/** A link on the way leads nowhere that could be found out. */
export class LinkError extends Error {}

/** Text with a star in it stands for many names, and none of them can be looked up. */
const isName = (component: Component | undefined): component is readonly [string] =>
  component !== undefined && component !== 'any' && component.length === 1;

const named = (names: readonly string[]): string => `/${names.join('/')}`;
const bytesOf = (names: readonly string[]): Buffer =>
  Buffer.concat(names.flatMap((name) => [SLASH, bytesOfPattern(name)]));
const SLASH = Buffer.from('/');

/** What has been found under a name, so that thousands of patterns below one folder look at it once. */
export type Seen = Map<string, Found | undefined>;

/**
 * The pattern with the symbolic links in it followed, as far as it has plain names from the root on; undefined where
 * there is none. What does not exist yet is as it is written.
 *
 * @param seen grows by what is looked at
 * @throws LinkError
 */
export function followLinks(pattern: PathPattern, seen: Seen): Led | undefined {
  const literal = pattern.components.findIndex((component) => !isName(component));
  const plain = literal < 0 ? pattern.components.length : literal;
  const rest: Component[] = [...pattern.components];
  const done: string[] = [];
  let left = plain;
  let links = 0;
  let isLoose = false;
  let loose: string | undefined;
  let isMissing = false;
  while (left > 0) {
    const component = rest.shift();
    left--;
    if (!isName(component)) throw new LinkError('leads through a name that is none');
    const [name] = component;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const here = [...done, name];
    const found: Found | undefined = isMissing ? undefined : lookOnce(here, seen);
    isMissing ||= found === undefined;
    if (found?.target === undefined) {
      done.push(name);
      isLoose ||= found?.isOpen ?? false;
      continue;
    }
    links++;
    if (links > LINKS_MAX) throw new LinkError(`${named(here)} is one of more than ${LINKS_MAX} links in a row`);
    if (isLoose || !found.isRoots) loose ??= named(here);
    const own = done.length === 1 && done[0] === 'proc' ? OWN[name] : undefined;
    if (own !== undefined) {
      loose ??= named(here);
      rest.unshift(...own);
      break;
    }
    const target = found.target.split('/');
    if (found.target.startsWith('/')) done.length = 0;
    rest.unshift(...target.map((part): Component => [part]));
    left += target.length;
  }
  if (links === 0) return undefined;
  const components = [...done.map((name): Component => [name]), ...rest];
  return { pattern: withComponents(components), ...(loose === undefined ? {} : { loose }) };
}

interface Found {
  /** Of a link: where it leads, in the log's spelling. */
  readonly target?: string;
  /** A folder in which others than root can put links. */
  readonly isOpen: boolean;
  readonly isRoots: boolean;
}

function lookOnce(names: readonly string[], seen: Seen): Found | undefined {
  const name = named(names);
  if (!seen.has(name)) seen.set(name, look(names));
  return seen.get(name);
}

/** What lies there now; undefined where nothing does. */
function look(names: readonly string[]): Found | undefined {
  const path = bytesOf(names);
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const isRoots = stat.uid === 0;
    if (stat.isSymbolicLink())
      return { isRoots, isOpen: false, target: textOfBytes(readlinkSync(path, { encoding: 'buffer' })).text };
    const isOpen = !isRoots || ((stat.mode & OTHERS_WRITE) !== 0 && (stat.mode & STICKY) === 0);
    return { isRoots, isOpen };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined;
    throw new LinkError(`${named(names)} cannot be looked at (${code})`);
  }
}
