// Rules for files, programs and local sockets.

import { counted } from '../../counted.js';
import { literalPattern, type Match } from '../../policy/index.js';
import { isPattern, shapeOf } from '../shape.js';
import type { Verb } from '../verbs.js';
import type { Evidence } from './evidence.js';
import { opensKit } from './kit.js';
import { type Context, type Made, often, oftenAll, sectionOf } from './made.js';
import { folderName, generalise, groupBy, isFolder, type Pattern, spellable } from './paths.js';

/** What comes of one kind of evidence. */
export interface Ruled {
  readonly made: readonly Made[];
  /** What no rule can name. */
  readonly left: readonly Evidence[];
}

/** `/usr/lib`, `~/project`: what a rule is named for. */
function anchorOf(text: string): string {
  const parts = text.split('/').filter((part) => part !== '');
  const folder = parts.slice(0, -1);
  return folder.slice(0, 2).join('/');
}

export const closedKey = (verb: string, pattern: string): string => `${verb}\u0000${pattern}`;

interface Use extends Pattern {
  readonly verbs: Verb[];
}

function noteOf(use: Use): string {
  const whole = isFolder(use.text) ? `: ${counted(use.names, 'path')} in it` : '';
  const several = !isFolder(use.text) && isPattern(use.text) ? `: ${counted(use.names, 'name')}` : '';
  return often(use) + whole + several;
}

/** As `path_prefix` has it. */
const asPrefix = (pattern: string): string => `${folderName(pattern)}/`;

const wordFor = (verbs: readonly Verb[]): string => {
  const [only] = verbs;
  if (verbs.length === 1 && only !== undefined) return only;
  return verbs.includes('read') ? 'use' : 'change';
};

/** @param closed verb and pattern of what a person has to decide on for every program: no rule may allow the same. */
export function fileRules(evidence: readonly Evidence[], context: Context, closed: ReadonlySet<string>): Ruled {
  const { patterns, left } = generalise(evidence);
  const uses = new Map<string, Use>();
  for (const [verb, own] of patterns) {
    for (const pattern of own) {
      if (closed.has(closedKey(verb, pattern.text))) continue;
      const known = uses.get(pattern.text);
      if (known === undefined) uses.set(pattern.text, { ...pattern, runs: new Set(pattern.runs), verbs: [verb] });
      else {
        known.verbs.push(verb);
        known.times += pattern.times;
        known.names = Math.max(known.names, pattern.names);
        for (const run of pattern.runs) known.runs.add(run);
      }
    }
  }
  const keyOf = (use: Use): string => [sectionOf(use.runs, context), anchorOf(use.text), ...use.verbs].join('\u0000');
  const made = [...groupBy([...uses.values()], keyOf).values()]
    .flatMap((group) => partsOf(group, MOST_PATHS))
    .map((group) => fileRule(group, context));
  return { made, left };
}

/** A list of a policy has an end (`maxItems` of its schema); after one run of a package manager there can be more paths. */
const MOST_PATHS = 5000;

const partsOf = <Item>(items: readonly Item[], most: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / most) }, (_, at) => items.slice(at * most, (at + 1) * most));

function fileRule(group: readonly Use[], context: Context): Made {
  const [{ verbs, runs, text }] = group as [Use, ...Use[]];
  const paths = group.filter((use) => !isFolder(use.text)).map((use) => use.text);
  const folders = group.filter((use) => isFolder(use.text)).map((use) => asPrefix(use.text));
  const match: Match = {
    access: [...verbs],
    ...(paths.length > 0 && { path: paths }),
    ...(folders.length > 0 && { path_prefix: folders }),
  };
  const section = sectionOf(runs, context);
  return {
    section,
    rule: { name: context.names.next(`${wordFor(verbs)} ${anchorOf(text)}`), match, action: 'ALLOW' },
    why: oftenAll(group),
    notes: new Map(group.map((use) => [isFolder(use.text) ? asPrefix(use.text) : use.text, noteOf(use)])),
  };
}

/** Programs that may run: always by their whole path. */
export function execRules(evidence: readonly Evidence[], context: Context): Ruled {
  return pathRules(evidence, context, {
    match: (path) => ({ access: ['exec'], path }),
    patternOf: (path) => literalPattern(path),
    word: 'run',
  });
}

/** Local sockets, by path or abstract name. */
export function socketRules(evidence: readonly Evidence[], context: Context): Ruled {
  const byVerb = [...groupBy(evidence, ({ verb }) => verb)].map(([verb, own]) => {
    const match = (path: string[]): Match => ({ event: [verb], path });
    const patternOf = (path: string): string => {
      const { sure, literal } = shapeOf(path);
      return sure !== literal && !opensKit(match([sure])) ? sure : literal;
    };
    return pathRules(own, context, { match, patternOf, word: verb.replace('network_', 'socket_') });
  });
  return { made: byVerb.flatMap(({ made }) => made), left: byVerb.flatMap(({ left }) => left) };
}

interface How {
  match: (path: string[]) => Match;
  patternOf: (path: string) => string;
  word: string;
}

function pathRules(evidence: readonly Evidence[], context: Context, { match, patternOf, word }: How): Ruled {
  const left: Evidence[] = [];
  const uses = new Map<string, { text: string; times: number; runs: Set<string>; tools: Set<string> }>();
  for (const one of evidence) {
    const { path = '' } = one.target;
    const text = /^[/@]/.test(path) ? patternOf(path) : '';
    if (text === '' || !spellable(text)) {
      left.push(one);
      continue;
    }
    const known = uses.get(text) ?? { text, times: 0, runs: new Set<string>(), tools: new Set<string>() };
    uses.set(text, known);
    known.times += one.times;
    for (const run of one.runs) known.runs.add(run);
    for (const tool of one.tools) known.tools.add(tool);
  }
  const keyOf = ({ runs, text }: { runs: Set<string>; text: string }): string =>
    `${sectionOf(runs, context)}\u0000${anchorOf(text)}`;
  const made = [...groupBy([...uses.values()], keyOf).values()].map((group): Made => {
    const [{ runs, text }] = group as [(typeof group)[number]];
    return {
      section: sectionOf(runs, context),
      rule: {
        name: context.names.next(`${word} ${anchorOf(text)}`),
        match: match(group.map((use) => use.text)),
        action: 'ALLOW',
      },
      why: oftenAll(group),
      notes: new Map(group.map((use) => [use.text, often(use)])),
    };
  });
  return { made, left };
}
