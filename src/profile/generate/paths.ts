// From the files that were used to the patterns that a person would write. Each step only widens with more evidence: a
// pattern depends on how many different names and runs there are, never on what is missing.

import { isPattern, type Shape, shapeOf } from '../shape.js';
import { FILE_VERBS, type FileVerb, type Verb } from '../verbs.js';
import type { Evidence } from './evidence.js';
import { opensKit } from './kit.js';

/**
 * What makes a folder one rule: so many different names directly in it that were used in so many runs (the more runs
 * show it, the fewer names it takes), or so many anywhere below it, in several of its folders.
 */
const MANY: readonly { readonly names: number; readonly runs: number }[] = [
  { names: 8, runs: 3 },
  { names: 5, runs: 5 },
];
const MANY_BELOW = { names: 24, folders: 3, runs: 3 };
/** Names that differ in nothing but numbers, versions, dates or short hashes, before these become stars. */
export const SEVERAL = 2;

/** A pattern with what it stands for. */
export interface Pattern {
  /** In the policy language; a folder with all that is below it ends in `/**`. */
  readonly text: string;
  /** The place, as `Folders` knows it. */
  readonly place: string;
  times: number;
  readonly runs: Set<string>;
  /** Different paths that were seen. */
  names: number;
  readonly programs: Set<string | undefined>;
}

const HOME = /^(?:\/root|\/home\/[^/*\\]+)(?=\/)/;
/** Nobody's work lies here: what is read in it is told apart to the last name. */
const NEVER = /^\/(?:proc|dev|sys|run)(?:\/|$)/;
const SCRATCH_ROOT = /^\/(?:tmp|var\/tmp|dev\/shm)$/;

/** Components that a folder must have to become a rule: `/usr/lib`, `~/project/src`. */
const floorOf = (folder: string): number =>
  /^(?:~|\/root)(?:\/|$)/.test(folder) ? 3 : folder.startsWith('/home/') ? 4 : 2;
const depthOf = (folder: string): number => folder.split('/').filter((part) => part !== '').length;
const mayCollapse = (folder: string): boolean => !NEVER.test(folder) && depthOf(folder) >= floorOf(folder);

/** The folder and all that is below it. */
const below = (folder: string): string => `${folder}/**`;
export const isFolder = (pattern: string): boolean => pattern.endsWith('/**');
export const folderName = (pattern: string): string => pattern.slice(0, -3);

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** Stars under /proc/* stand for numbers, which no name of the kit is. */
const withPids = (pattern: string): string =>
  pattern.startsWith('/proc/*') ? pattern.replace(/\/\*(?=\/|$)/g, '/1') : pattern;

/** One verb's patterns; the kit is asked with this verb. */
class Patterns {
  readonly #verb: Verb;
  readonly #opens = new Map<string, boolean>();

  constructor(verb: Verb) {
    this.#verb = verb;
  }

  /** Whether this pattern may be in an ALLOW rule. */
  isSafe(pattern: string): boolean {
    let opens = this.#opens.get(pattern);
    if (opens === undefined) {
      opens = opensKit({ access: [this.#verb], path: [withPids(pattern)] });
      this.#opens.set(pattern, opens);
    }
    return !opens;
  }

  /** The literal, or with `~` for the home folder where that opens nothing. */
  home(pattern: string): string {
    const short = pattern.replace(HOME, '~');
    return short === pattern || !this.isSafe(short) ? pattern : short;
  }
}

interface Shaped {
  readonly evidence: Evidence;
  readonly literal: string;
  readonly sure: string;
  readonly likely: string;
  readonly scratch: string | undefined;
  readonly place: string;
}

/** Evidence of a file, with the shape of its path. */
interface Seen {
  readonly evidence: Evidence;
  readonly path: string;
  readonly shape: Shape;
}

/**
 * The patterns for what was done to files, by verb.
 *
 * @param evidence of files, none of it sensitive.
 * @returns patterns, and the evidence that no pattern can name.
 */
export function generalise(evidence: readonly Evidence[]): {
  patterns: ReadonlyMap<FileVerb, readonly Pattern[]>;
  left: Evidence[];
} {
  const left: Evidence[] = [];
  const seen: Seen[] = [];
  for (const one of evidence) {
    const { path = '' } = one.target;
    if (path.startsWith('/')) seen.push({ evidence: one, path, shape: shapeOf(path) });
    else left.push(one);
  }
  const byVerb = groupBy(seen, ({ evidence: { verb } }) => verb);
  // Who makes files replaces, renames and deletes them, too: what was changed counts together. Reading does not.
  const read = new Folders(byVerb.get('read') ?? []);
  const changed = new Folders(seen.filter(({ evidence: { verb } }) => verb !== 'read'));
  const patterns = new Map<FileVerb, readonly Pattern[]>();
  for (const verb of FILE_VERBS) {
    const own = byVerb.get(verb);
    if (own !== undefined) patterns.set(verb, patternsOf(verb, own, verb === 'read' ? read : changed, left));
  }
  return { patterns, left };
}

function patternsOf(verb: Verb, seen: readonly Seen[], folders: Folders, left: Evidence[]): Pattern[] {
  const patterns = new Patterns(verb);
  const shaped: Shaped[] = [];
  const found = new Map<string, Pattern>();
  for (const one of seen) {
    if (one.evidence.target.many) add(found, folderOf(one.shape, patterns), placeOf(one.shape), one.evidence);
    else shaped.push(shapeIt(one, patterns));
  }
  for (const [, group] of groupBy(shaped, ({ likely }) => likely)) place(group, patterns, found, left);
  return collapse(found, patterns, folders);
}

/** A folder with more names than were kept. */
function folderOf({ sure, literal }: Shape, patterns: Patterns): string {
  const folder = below(patterns.home(sure));
  return patterns.isSafe(folder) ? folder : below(literal);
}

function shapeIt({ evidence, shape }: Seen, patterns: Patterns): Shaped {
  const { literal, sure, likely, scratch } = shape;
  return {
    evidence,
    literal: patterns.home(literal),
    sure: patterns.home(sure),
    likely: patterns.home(likely),
    scratch,
    place: placeOf(shape),
  };
}

/** Gives each of a group of paths that may be one pattern the widest pattern that its evidence carries. */
function place(group: readonly Shaped[], patterns: Patterns, found: Map<string, Pattern>, left: Evidence[]): void {
  const variants = new Set(group.map(({ sure }) => sure)).size;
  for (const { evidence, literal, sure, likely, scratch, place: at } of group) {
    const folder = parentOf(sure);
    const candidates: { text: string; at: string }[] = [
      // Nobody's home is a temporary folder, so that both have the same components.
      ...(scratch === undefined ? [] : [{ text: below(scratch), at: startOf(at, scratch) }]),
      ...(variants >= SEVERAL && isPattern(likely) ? [{ text: likely, at }] : []),
      ...(isPattern(sure) ? [{ text: sure, at }] : []),
      ...(isPattern(sure) && mayHold(folder, variants) ? [{ text: below(folder), at: parentOf(at) }] : []),
      { text: literal, at },
    ];
    const chosen = candidates.find(({ text }) => spellable(text) && patterns.isSafe(text));
    if (chosen === undefined) left.push(evidence);
    else add(found, chosen.text, chosen.at, evidence);
  }
}

/** A name that is all star needs its folder as the rule: for temporary folders, and with several names for others. */
const mayHold = (folder: string, variants: number): boolean =>
  SCRATCH_ROOT.test(folder) || (variants >= SEVERAL && mayCollapse(folder));

/** What a policy can hold. Names with ".." in them are none of the kernel's, but somebody may have written a recording. */
export const spellable = (pattern: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a policy cannot hold
  !/[\u0000-\u001f\u007f]/.test(pattern) && !pattern.split('/').some((name) => name === '.' || name === '..');

/** The first components of a place, as many as a folder has. */
const startOf = (at: string, folder: string): string => at.split('/').slice(0, folder.split('/').length).join('/');

function add(found: Map<string, Pattern>, text: string, at: string, { times, runs, programs }: Evidence): void {
  let pattern = found.get(text);
  if (pattern === undefined) {
    pattern = { text, place: at, times: 0, runs: new Set(), names: 0, programs: new Set() };
    found.set(text, pattern);
  }
  pattern.times += times;
  pattern.names++;
  for (const run of runs) pattern.runs.add(run);
  for (const program of programs) pattern.programs.add(program);
}

interface Folder {
  readonly children: Set<string>;
  readonly runs: Set<string>;
  names: number;
}

/** Where a path is, whatever the numbers in it and whosever home: this does not depend on what else was seen. */
const placeOf = ({ likely }: Shape): string => likely.replace(HOME, '~');

/** How much was seen in each folder. More evidence never makes less of it, since each path has its place by itself. */
class Folders {
  readonly #folders = new Map<string, Folder>();

  constructor(seen: readonly Seen[]) {
    const names = groupBy(seen, ({ shape, evidence: { target } }) => `${placeOf(shape)}${target.many ? '/*' : ''}`);
    for (const [name, group] of names) this.#count(name, group);
  }

  #count(name: string, group: readonly Seen[]): void {
    const isMany = group.some(({ evidence }) => evidence.target.many);
    for (let child = name, at = parentOf(name); at !== '' && at !== '~'; child = at, at = parentOf(at)) {
      const folder = this.#folders.get(at) ?? { children: new Set(), runs: new Set(), names: 0 };
      this.#folders.set(at, folder);
      folder.children.add(child.slice(at.length + 1));
      folder.names += isMany ? MANY_BELOW.names : 1;
      for (const { evidence } of group) for (const run of evidence.runs) folder.runs.add(run);
    }
  }

  /** Whether it is to become one rule. */
  isMuch(at: string): boolean {
    const folder = this.#folders.get(at);
    if (folder === undefined) return false;
    const { children, runs, names } = folder;
    return (
      MANY.some((many) => children.size >= many.names && runs.size >= many.runs) ||
      (names >= MANY_BELOW.names && children.size >= MANY_BELOW.folders && runs.size >= MANY_BELOW.runs)
    );
  }
}

/** Folders of which much was seen become one pattern; the highest that may. */
function collapse(found: Map<string, Pattern>, patterns: Patterns, folders: Folders): Pattern[] {
  const collapsed = new Set<string>();
  for (const { text, place: at } of found.values()) {
    if (isFolder(text)) collapsed.add(folderName(text));
    // Both have the same components behind the home folder.
    let folder = isFolder(text) ? folderName(text) : text;
    for (let where = at; ; ) {
      [folder, where] = [parentOf(folder), parentOf(where)];
      if (folder === '' || folder === '~' || where === '') break;
      if (!collapsed.has(folder) && folders.isMuch(where) && mayCollapse(folder) && patterns.isSafe(below(folder)))
        collapsed.add(folder);
    }
  }
  const done = new Map<string, Pattern>();
  for (const pattern of found.values()) {
    const highest = highestOf(pattern.text, collapsed);
    merge(done, highest === undefined ? pattern.text : below(highest), pattern);
  }
  return [...done.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
}

function highestOf(text: string, collapsed: ReadonlySet<string>): string | undefined {
  for (let at = text.indexOf('/', 1); at !== -1; at = text.indexOf('/', at + 1)) {
    const folder = text.slice(0, at);
    if (collapsed.has(folder)) return folder;
  }
  return undefined;
}

function merge(done: Map<string, Pattern>, text: string, part: Pattern): void {
  const known = done.get(text);
  if (known === undefined) {
    done.set(text, { ...part, text, runs: new Set(part.runs), programs: new Set(part.programs) });
    return;
  }
  known.times += part.times;
  known.names += part.names;
  for (const run of part.runs) known.runs.add(run);
  for (const program of part.programs) known.programs.add(program);
}

export function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
