// From the files that were used to the patterns that a person would write. Each step only widens with more evidence: a
// pattern depends on how many different names and runs there are, never on what is missing.

import { isPattern, shapeOf } from '../shape.js';
import type { Verb } from '../verbs.js';
import type { Evidence } from './evidence.js';
import { opensKit } from './kit.js';

/** Different names directly in a folder, and runs in which they were used, that make it one rule. */
export const MANY_NAMES = 8;
export const MANY_RUNS = 3;
/** Names that differ in nothing but numbers, versions, dates or short hashes, before these become stars. */
export const SEVERAL = 2;

/** A pattern with what it stands for. */
export interface Pattern {
  /** In the policy language; a folder with all that is below it ends in `/**`. */
  readonly text: string;
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
}

/**
 * The patterns for what one verb was done to.
 *
 * @param evidence of that verb, none of it sensitive.
 * @returns patterns, and the evidence that no pattern can name.
 */
export function generalise(verb: Verb, evidence: readonly Evidence[]): { patterns: Pattern[]; left: Evidence[] } {
  const patterns = new Patterns(verb);
  const left: Evidence[] = [];
  const shaped: Shaped[] = [];
  const found = new Map<string, Pattern>();
  for (const one of evidence) {
    const { path = '', many } = one.target;
    if (!path.startsWith('/')) left.push(one);
    else if (many) add(found, folderOf(path, patterns), one);
    else shaped.push(shapeIt(one, path, patterns));
  }
  for (const [, group] of groupBy(shaped, ({ likely }) => likely)) place(group, patterns, found, left);
  return { patterns: collapse(found, patterns), left };
}

/** A folder with more names than were kept. */
function folderOf(path: string, patterns: Patterns): string {
  const { sure, literal } = shapeOf(path);
  const folder = below(patterns.home(sure));
  return patterns.isSafe(folder) ? folder : below(literal);
}

function shapeIt(evidence: Evidence, path: string, patterns: Patterns): Shaped {
  const { literal, sure, likely, scratch } = shapeOf(path);
  return {
    evidence,
    literal: patterns.home(literal),
    sure: patterns.home(sure),
    likely: patterns.home(likely),
    scratch,
  };
}

/** Gives each of a group of paths that may be one pattern the widest pattern that its evidence carries. */
function place(group: readonly Shaped[], patterns: Patterns, found: Map<string, Pattern>, left: Evidence[]): void {
  const variants = new Set(group.map(({ sure }) => sure)).size;
  for (const { evidence, literal, sure, likely, scratch } of group) {
    const folder = parentOf(sure);
    const candidates = [
      ...(scratch === undefined ? [] : [below(scratch)]),
      ...(variants >= SEVERAL && isPattern(likely) ? [likely] : []),
      ...(isPattern(sure) ? [sure, ...(mayHold(folder, variants) ? [below(folder)] : [])] : []),
      literal,
    ];
    const text = candidates.find((candidate) => spellable(candidate) && patterns.isSafe(candidate));
    if (text === undefined) left.push(evidence);
    else add(found, text, evidence);
  }
}

/** A name that is all star needs its folder as the rule: for temporary folders, and with several names for others. */
const mayHold = (folder: string, variants: number): boolean =>
  SCRATCH_ROOT.test(folder) || (variants >= SEVERAL && mayCollapse(folder));

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a policy cannot hold
export const spellable = (pattern: string): boolean => !/[\u0000-\u001f\u007f]/.test(pattern);

function add(found: Map<string, Pattern>, text: string, { times, runs, programs }: Evidence): void {
  let pattern = found.get(text);
  if (pattern === undefined) {
    pattern = { text, times: 0, runs: new Set(), names: 0, programs: new Set() };
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
}

/** Folders with many names in many runs become one pattern; the highest that may. */
function collapse(found: Map<string, Pattern>, patterns: Patterns): Pattern[] {
  const folders = new Map<string, Folder>();
  for (const { text, runs } of found.values()) {
    let child = isFolder(text) ? folderName(text) : text;
    for (let folder = parentOf(child); folder !== '' && folder !== '~'; folder = parentOf(folder)) {
      const known = folders.get(folder) ?? { children: new Set(), runs: new Set() };
      folders.set(folder, known);
      known.children.add(child.slice(folder.length + 1));
      for (const run of runs) known.runs.add(run);
      child = folder;
    }
  }
  const collapsed = new Set<string>();
  for (const [folder, { children, runs }] of folders) {
    const isMuch = children.size >= MANY_NAMES && runs.size >= MANY_RUNS;
    if (isMuch && mayCollapse(folder) && patterns.isSafe(below(folder))) collapsed.add(folder);
  }
  for (const text of found.keys()) if (isFolder(text)) collapsed.add(folderName(text));
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
