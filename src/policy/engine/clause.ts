// A rule taken apart: one clause for each object that it names, with the rank that decides between clauses. The
// matcher here and the kernel's maps are both made from clauses, so that both decide alike.
import {
  ALL_BITS,
  accessBits,
  classBits,
  eventBits,
  IMPLIED,
  KERNEL_TOOLS,
  KEY_BITS,
  TOOL_CALL,
} from '../language/operations.js';
import type { Match, Policy, Rule } from '../language/types.js';
import type { Block } from '../pattern/address.js';
import { allBelow, type DomainPattern } from '../pattern/domain.js';
import { Patterns } from '../pattern/parsed.js';
import type { PathPattern } from '../pattern/path.js';
import { parseWords, type WordsPattern } from '../pattern/words.js';
import { type Aliases, noAliases } from './aliases.js';

/** What a clause is about; a clause without an object is about all that its operations and conditions allow. */
export type ClauseObject =
  | { readonly path: PathPattern }
  | { readonly domain: DomainPattern }
  | { readonly block: Block }
  | undefined;

/** A set of programs, shared by all clauses that name the same ones. */
export interface Programs {
  readonly id: number;
  readonly patterns: readonly PathPattern[];
}

export interface Clause {
  /** Place of the rule in the file, from 0. */
  readonly rule: number;
  readonly forbids: boolean;
  /** Operations (bits of OPERATIONS). */
  readonly ops: number;
  readonly object: ClauseObject;
  readonly exe?: Programs;
  readonly script?: Programs;
  /** Inclusive ranges. */
  readonly ports?: readonly (readonly [number, number])[];
  readonly protocols?: readonly string[];
  /** Further condition of a clause whose object is a domain or a path. */
  readonly blocks?: readonly Block[];
  readonly tools?: WordsPattern;
  readonly databases?: WordsPattern;
  readonly intents?: WordsPattern;
  /** Only of files that the tree has written, or only of others. */
  readonly written?: boolean;
  /** Greater is decided first, compared from the left. */
  readonly rank: readonly number[];
}

const NO_PATTERNS: readonly PathPattern[] = [];
const MATCH_ALL_OBJECTS: readonly ClauseObject[] = [undefined];

/** The operations that a rule is about: what it names, else what its objects imply. 0 when its keys contradict each other. */
export function operationsOf(match: Match, forbids: boolean): number {
  const side = forbids ? 'forbids' : 'permits';
  let mask = ALL_BITS;
  const union = (values: readonly string[], of: (value: string) => number): number =>
    values.reduce((sum, value) => sum | of(value), 0);
  if (match.event) mask &= union(match.event, eventBits);
  if (match.access) mask &= union(match.access, accessBits);
  if (match.tool)
    mask &= union(
      match.tool,
      (tool) => TOOL_CALL | (Object.hasOwn(KERNEL_TOOLS, tool) ? (KERNEL_TOOLS[tool] ?? 0) : 0),
    );
  if (!match.event && !match.access && !match.tool) mask &= impliedBy(match, side);
  for (const key of Object.keys(KEY_BITS) as (keyof typeof KEY_BITS)[]) {
    if (match[key] !== undefined || (key === 'path' && match.path_prefix)) mask &= KEY_BITS[key];
  }
  return mask;
}

function impliedBy(match: Match, side: 'forbids' | 'permits'): number {
  const hasPath = match.path !== undefined || match.path_prefix !== undefined;
  if (match.written !== undefined) return KEY_BITS.written;
  const hasNetwork = match.destination_domain ?? match.destination_ip ?? match.port ?? match.protocol;
  if (hasPath) return IMPLIED.path[side];
  if (hasNetwork) return IMPLIED.network[side];
  if (match.database) return IMPLIED.tool[side];
  // Only who acts, or why: every class, so that the rule can say "nothing without a reason".
  return classBits('file') | classBits('exec') | classBits('network') | classBits('tool');
}

/** Whether the rule says what it is about, and not only who acts. */
export const saysWhat = (match: Match): boolean => Object.keys(match).some((key) => key !== 'exe' && key !== 'script');

const popcount = (mask: number): number => mask.toString(2).replaceAll('0', '').length;
const STRICTNESS = { ALLOW: 0, HUMAN_APPROVAL: 1, BLOCK: 2 } as const;

// How near a path pattern comes to naming one file, as [kind, depth, names the last component, literal characters].
//
// What a rule forbids is read widely: `**/.env` in a BLOCK rule stands above every folder. In an ALLOW rule the same
// pattern counts as the folder that it begins with, so that it never opens a folder which another rule closes.
function pathRank(pattern: PathPattern, forbids: boolean): [number, number, number, number] {
  const { kind, floating, depth, literal } = pattern;
  if (kind === 'exact') return [4, depth, 1, literal];
  if (!floating && kind === 'name') return [3, depth, 1, literal];
  if (floating && forbids) return [2, depth, 1, literal];
  return [1, depth, Number(floating), literal];
}

function objectRank(object: ClauseObject, forbids: boolean): [number, number, number, number] {
  if (object === undefined) return [0, 0, 0, 0];
  if ('path' in object) return pathRank(object.path, forbids);
  if ('block' in object) {
    const { bits, bytes } = object.block;
    return [bits === bytes.length * 8 ? 4 : 1, bits, 0, 0];
  }
  const { exact, labels, literal } = object.domain;
  return [exact ? 3 : 2, labels.length, 0, literal];
}

const EXACT_PROGRAM = 100_000;
const programRank = (programs: Programs | undefined): number =>
  programs === undefined
    ? 0
    : Math.min(...programs.patterns.map(({ kind, literal }) => literal + 1 + (kind === 'exact' ? EXACT_PROGRAM : 0)));

/** Makes the clauses of a policy. One compiler a policy: it is what shares sets of programs. */
class Compiler {
  readonly programs = new Map<string, Programs>();
  constructor(
    readonly homes: readonly string[],
    readonly aliases: Aliases,
    readonly patterns: Patterns,
  ) {}

  /** The patterns that a rule has, with the other names of what they name. */
  #paths(sources: readonly string[] | undefined, isPrefix: boolean, rule: Rule): readonly PathPattern[] {
    if (sources === undefined) return NO_PATTERNS;
    const own = sources.flatMap((source) => this.patterns.path(source, isPrefix, this.homes));
    const aliases = own.flatMap((pattern) => this.aliases(pattern, rule));
    const all = aliases.length === 0 ? own : [...own, ...aliases];
    return all.length < 2 ? all : [...new Map(all.map((pattern) => [pattern.text, pattern])).values()];
  }

  #set(sources: readonly string[] | undefined, rule: Rule): Programs | undefined {
    if (sources === undefined) return undefined;
    const patterns = this.#paths(sources, false, rule);
    const key = patterns
      .map(({ text }) => text)
      .sort()
      .join('\u0000');
    const known = this.programs.get(key);
    if (known) return known;
    const made = { id: this.programs.size, patterns };
    this.programs.set(key, made);
    return made;
  }

  #blocks({ destination_ip: blocks }: Match): Block[] | undefined {
    return blocks?.map((source) => this.patterns.block(source));
  }

  #objects(rule: Rule, forbids: boolean): readonly ClauseObject[] {
    const { match } = rule;
    const paths = [...this.#paths(match.path, false, rule), ...this.#paths(match.path_prefix, true, rule)];
    if (paths.length > 0) return paths.map((path) => ({ path }));
    const domains = (match.destination_domain ?? []).map((source) => this.patterns.domain(source));
    if (domains.length > 0) {
      return domains.flatMap((domain) => [
        { domain },
        ...(forbids && !domain.below ? [{ domain: allBelow(domain) }] : []),
      ]);
    }
    const blocks = this.#blocks(match) ?? [];
    return blocks.length > 0 ? blocks.map((block) => ({ block })) : MATCH_ALL_OBJECTS;
  }

  /** Whether the rule means the same for these homes and aliases as where none of them was asked for. */
  #isPlain(rule: Rule, clauses: readonly Clause[]): boolean {
    const { match } = rule;
    const isOfHome = (source: string): boolean => source.startsWith('~');
    if (match.exe !== undefined || match.script !== undefined) return false;
    if (match.path?.some(isOfHome) || match.path_prefix?.some(isOfHome)) return false;
    return clauses.every(
      ({ object }) => object === undefined || !('path' in object) || this.aliases(object.path, rule).length === 0,
    );
  }

  /** @param checked its clauses for other homes, without aliases. */
  rule(rule: Rule, index: number, checked?: readonly Clause[]): readonly Clause[] {
    if (checked?.[0]?.rule === index && this.#isPlain(rule, checked)) return checked;
    const { match } = rule;
    const forbids = rule.action !== 'ALLOW';
    const ops = operationsOf(match, forbids);
    const exe = this.#set(match.exe, rule);
    const script = this.#set(match.script, rule);
    const ports = match.port?.map(portRange);
    const words = (values: string[] | undefined): WordsPattern | undefined => values && parseWords(values);
    const tools = words(match.tool);
    const databases = words(match.database);
    const intents = words(match.intent);
    const covered = ports?.reduce((sum, [from, to]) => sum + to - from + 1, 0) ?? 65_536;
    const narrow = [
      Number(exe !== undefined) + Number(script !== undefined),
      programRank(exe) + programRank(script),
      // Operations that the rule only implies make it no narrower: ALLOW implies fewer, and would win every tie.
      (match.event ?? match.access ?? match.tool ?? match.written) !== undefined ? -popcount(ops) : -32,
      -covered,
      Number(match.protocol !== undefined),
      tools?.specificity ?? 0,
      databases?.specificity ?? 0,
      intents?.specificity ?? 0,
      Number(match.written !== undefined),
    ];
    return this.#objects(rule, forbids).map((object) => {
      const isBlock = object !== undefined && 'block' in object;
      const blocks = isBlock ? undefined : this.#blocks(match);
      return {
        rule: index,
        forbids,
        ops,
        object,
        ...(exe && { exe }),
        ...(script && { script }),
        ...(ports && { ports }),
        ...(match.protocol && { protocols: match.protocol }),
        ...(blocks && { blocks }),
        ...(tools && { tools }),
        ...(databases && { databases }),
        ...(intents && { intents }),
        ...(match.written !== undefined && { written: match.written }),
        rank: [
          ...objectRank(object, forbids),
          ...narrow,
          Number(blocks !== undefined),
          STRICTNESS[rule.action],
          -index,
        ],
      };
    });
  }
}

export function portRange(port: number | string): [number, number] {
  if (typeof port === 'number') return [port, port];
  const [from = 0, to = 0] = port.split('-').map(Number);
  return [from, to];
}

/** Positive when `a` decides before `b`. Total: no two clauses of different rules are equal. */
export function compareRank(a: Clause, b: Clause): number {
  for (let at = 0; at < a.rank.length; at++) {
    const difference = (a.rank[at] ?? 0) - (b.rank[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export interface Clauses {
  /** In the order in which they decide: the first that matches is the answer. */
  readonly clauses: readonly Clause[];
  readonly programs: readonly Programs[];
}

type Parsed = Pick<Policy, 'document' | 'patterns' | 'clauses'>;

/** The clauses of each rule, and sets of programs. */
export function clausesByRule(
  { document, patterns = new Patterns(), clauses }: Parsed,
  homes: readonly string[],
  aliases: Aliases = noAliases,
): { byRule: (readonly Clause[])[]; programs: readonly Programs[] } {
  const compiler = new Compiler(homes, aliases, patterns);
  const byRule = document.policies.map((rule, index) => compiler.rule(rule, index, clauses?.get(rule)));
  return { byRule, programs: [...compiler.programs.values()] };
}

/**
 * @param homes what `~` stands for; absolute patterns.
 * @param aliases names beside those that the policy has.
 * @throws PatternError for a pattern that the loader would have refused.
 */
export function clausesOf(policy: Parsed, homes: readonly string[], aliases?: Aliases): Clauses {
  const { byRule, programs } = clausesByRule(policy, homes, aliases);
  return { clauses: byRule.flat().sort((a, b) => compareRank(b, a)), programs };
}
