// Path patterns: `*` stays within a component, `**` is any number of whole components, nothing else is special.
// Paths are compared in the spelling of the event record (a byte that is not UTF-8 is `\xNN`), which is injective.
import { coversStars, listsMeet, literalLength, matchesStars, type Stars, starsMeet } from './stars.js';

/** `**`, or one component. */
export type Component = 'any' | Stars;

/** exact: no wildcard. name: it says what the last component is. folder: it ends in `**`, all below and the folder itself. */
export type PathKind = 'exact' | 'name' | 'folder';

export interface PathPattern {
  /** Spelled out: `~` expanded, a prefix ending in `/**`. Equal text is an equal pattern. */
  readonly text: string;
  readonly components: readonly Component[];
  readonly kind: PathKind;
  /** A `**` stands before something else: the place is open. */
  readonly floating: boolean;
  /** Components before the first `**`. */
  readonly depth: number;
  readonly literal: number;
}

/** Stands before the name of an abstract socket, so that `@x` is never the file `/@x`. No path has a NUL. */
const ABSTRACT = '\u0000';
const NAME_MAX = 255;
const PATH_MAX = 4095;

/** Home folders where nobody says which one is meant: those of all users. */
export const EVERY_HOME = ['/root', '/home/*'];

/** The components of a path as an event has it; undefined for what is no path (`pipe:[7]`, a relative name). */
export function split(path: string): string[] | undefined {
  if (path.startsWith('/')) return path.split('/').filter((part) => part !== '');
  return path.startsWith('@') ? [ABSTRACT, ...path.split('/')] : undefined;
}

const UNTIDY = /\/(?:\.{0,2}\/|\.{0,2}$)/;

/** A path that was only asked for, with `.`, `..` and `//` taken out of its text. Symlinks in it stay unknown. */
export function normalise(path: string): string {
  if (!path.startsWith('/') || !UNTIDY.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/**
 * Whether the components from `from` on take up all the parts from `at` on, where `takes` says what one component is
 * good for. Only the last `**` is ever tried again: no pattern costs more than its length times the path's.
 */
function takesAll<Part>(
  components: readonly Component[],
  from: number,
  parts: readonly Part[],
  at: number,
  takes: (component: Stars, part: Part) => boolean,
): boolean {
  let component = from;
  let part = at;
  let again = -1;
  let retry = 0;
  while (part < parts.length) {
    const current = components[component];
    if (current === 'any') {
      again = ++component;
      retry = part;
      if (component === components.length) return true;
    } else if (current !== undefined && takes(current, parts[part] as Part)) {
      component++;
      part++;
    } else if (again !== -1) {
      component = again;
      part = ++retry;
    } else return false;
  }
  while (components[component] === 'any') component++;
  return component === components.length;
}

/** Whether the components from `from` on match the parts of a path from `at` on. */
export const matchesFrom = (
  components: readonly Component[],
  from: number,
  parts: readonly string[],
  at: number,
): boolean => takesAll(components, from, parts, at, matchesStars);

export const matchesPath = ({ components }: PathPattern, parts: readonly string[]): boolean =>
  matchesFrom(components, 0, parts, 0);

/** Whether all that the narrow pattern matches is matched by the wide one (sound, not complete). */
export function coversPath(wide: PathPattern, narrow: PathPattern): boolean {
  // `**` becomes a component that only `**` can be, and a `*` within one a character that only a `*` can be.
  const parts = narrow.components.map((component) => (component === 'any' ? undefined : component));
  return takesAll(wide.components, 0, parts, 0, (one, part) => part !== undefined && coversStars(one, part));
}

/** Whether some path is matched by both. */
export function pathsMeet(a: PathPattern, b: PathPattern): boolean {
  return listsMeet(
    a.components,
    b.components,
    (component) => component === 'any',
    (one, other) => one !== 'any' && other !== 'any' && starsMeet(one, other),
  );
}

/** A path of the event record as a pattern that matches it alone. */
export const literalPattern = (path: string): string =>
  path.replace(/\\(?!x[89a-f][0-9a-f])|\*/gi, (found, at: number) =>
    // `\x5c` in the record is a backslash, and a pattern spells it alike.
    found === '*' ? '\\*' : path.slice(at, at + 4).toLowerCase() === '\\x5c' ? '\\' : '\\\\',
  );

/** What is wrong with a pattern, in words that say what to write instead. */
export class PatternError extends Error {}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([\s\S])|$)/y;

/** One component: `\*` is a star, `\\` a backslash, `\xNN` a byte that is not UTF-8, as the log spells them. */
function parseComponent(text: string): Stars {
  if (!text.includes('\\')) return text.split('*');
  const pieces = [''];
  const add = (literal: string): void => {
    pieces[pieces.length - 1] += literal;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '*') pieces.push('');
    else if (char !== '\\') add(char);
    else {
      ESCAPE.lastIndex = at;
      const [all = '', hex, other] = ESCAPE.exec(text) ?? [];
      if (hex !== undefined && (Number.parseInt(hex, 16) >= 0x80 || hex.toLowerCase() === '5c'))
        add(`\\x${hex.toLowerCase()}`);
      else if (hex !== undefined) {
        throw new PatternError(
          `"${all}" is "${String.fromCharCode(Number.parseInt(hex, 16))}": write the character itself`,
        );
      } else if (other === '*') add('*');
      // A backslash that looks like the beginning of an escape is one in the log.
      else if (other === '\\') add(/^x[0-9a-fA-F]{2}/.test(text.slice(at + 2)) ? '\\x5c' : '\\');
      else
        throw new PatternError(
          `"${all}" is no escape: \\* is a star, \\\\ a backslash, \\xNN a byte that is not UTF-8`,
        );
      at += all.length - 1;
    }
  }
  return pieces;
}

/** The rest of a pattern behind its root, as components. */
function parseComponents(rest: string, source: string): Component[] {
  const components: Component[] = [];
  for (const part of rest.split('/')) {
    if (part === '') throw new PatternError(`"${source}" has an empty component: no path has "//"`);
    if (part === '.' || part === '..') {
      throw new PatternError(
        `"${source}" can match nothing: the kernel's paths have no "${part}"; write where it leads`,
      );
    }
    if (part === '**') {
      if (components.at(-1) !== 'any') components.push('any');
      continue;
    }
    if (part.includes('**')) {
      throw new PatternError(`"${source}": ** is a component of its own; write "*" within a name, or "/**/"`);
    }
    const stars = parseComponent(part);
    if (Buffer.byteLength(stars.join('')) > NAME_MAX) {
      throw new PatternError(`"${source.slice(0, 40)}…" can match nothing: no name is longer than ${NAME_MAX} bytes`);
    }
    components.push(stars);
  }
  return components;
}

/** `~` and `~/x` for each home; any other pattern as it is. */
function expandHome(source: string, homes: readonly string[]): string[] {
  if (source === '~' || source.startsWith('~/')) return homes.map((home) => home + source.slice(1));
  if (source.startsWith('~')) {
    throw new PatternError(`"${source}": only ~/ is expanded; write the path of that user's home folder`);
  }
  return [source];
}

/**
 * @param isPrefix the value of `path_prefix`: the folder with all that is below it, a closing `/` or not.
 * @param homes what `~` stands for (absolute; they may hold `*`).
 * @throws PatternError when it can match nothing, or not what its author meant.
 */
export function parsePath(source: string, isPrefix: boolean, homes: readonly string[]): PathPattern[] {
  if (/^\$(HOME|\{)/.test(source)) {
    throw new PatternError(`"${source}": variables are not expanded; write "~/" for the home folder`);
  }
  if (Buffer.byteLength(source) > PATH_MAX) {
    throw new PatternError(`"${source.slice(0, 40)}…" can match nothing: no path is longer than ${PATH_MAX} bytes`);
  }
  return expandHome(source, homes).map((expanded) => parseExpanded(expanded, source, isPrefix));
}

function parseExpanded(expanded: string, source: string, isPrefix: boolean): PathPattern {
  const isAbstract = expanded.startsWith('@');
  if (!expanded.startsWith('/') && !isAbstract && !/^\*\*(\/|$)/.test(expanded)) {
    throw new PatternError(
      `"${source}" is relative, and the kernel knows no working directory: write an absolute path, "~/${source}" or "**/${source}"`,
    );
  }
  let body = expanded.startsWith('/') ? expanded.slice(1) : expanded;
  if (body.endsWith('/')) {
    if (!isPrefix)
      throw new PatternError(`"${source}": no path ends in "/"; for the folder and all below it write path_prefix`);
    body = body.slice(0, -1);
  }
  const components = body === '' ? [] : parseComponents(body, source);
  if (isAbstract) components.unshift([ABSTRACT]);
  if (isPrefix && components.at(-1) !== 'any') components.push('any');
  return withComponents(components);
}

/** A literal star must not look like a wildcard. */
const spell = (component: Component): string =>
  component === 'any' ? '**' : component.map((piece) => piece.replaceAll('*', '\\*')).join('*');

export function withComponents(components: readonly Component[]): PathPattern {
  const firstAny = components.indexOf('any');
  const isFolder = components.at(-1) === 'any';
  const wild = components.some((component) => component === 'any' || component.length > 1);
  return {
    text: `/${components.map(spell).join('/')}`,
    components,
    kind: isFolder ? 'folder' : wild ? 'name' : 'exact',
    floating: firstAny !== -1 && firstAny < components.length - 1,
    depth: firstAny === -1 ? components.length : firstAny,
    literal: components.reduce((sum, component) => sum + (component === 'any' ? 0 : literalLength(component)), 0),
  };
}
