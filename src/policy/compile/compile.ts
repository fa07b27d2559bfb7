// A policy as the kernel's tables (bpf/include/policy.h), from the same clauses that the engine decides by.

import { textOfBytes } from '../../events/index.js';
import type { Aliases } from '../engine/aliases.js';
import { clausesOf } from '../engine/clause.js';
import { NetworkIndex } from '../engine/network-index.js';
import type { Mode, Policy, Rule } from '../language/types.js';
import { type AddressBytes, inBlock, parseAddress } from '../pattern/address.js';
import { bytesOfPattern } from '../pattern/bytes.js';
import type { PathPattern } from '../pattern/path.js';
import { ClauseLists, type Ranked } from './clause-lists.js';
import { type ClosingRule, closingRules } from './closing.js';
import type { Mount } from './devices.js';
import { CompileError } from './error.js';
import { cannotHold, kernelOps, permitsToolsOnly } from './holds.js';
import {
  ACTIONS,
  CLASSES,
  ERRNO,
  HEADS_OF_HALF,
  halves,
  LIMITS,
  type List,
  NAME_LONG,
  NAME_SHORT,
  Rows,
  type Table,
} from './layout.js';
import { NameAutomaton } from './name-automaton.js';
import { type Mounted, PathAutomaton, type PathState } from './path-automaton.js';
import { type RateRows, Rates } from './rates.js';
import { type OwnRule, ownClauses, ownHead, ownRules, type SelfProtection } from './self-protection.js';

/** A file as the kernel knows it: sb->s_dev and i_ino. */
export interface FileId {
  readonly dev: number;
  readonly ino: bigint;
}

export interface CompileOptions {
  /** What `~` stands for; absolute. */
  homes: readonly string[];
  /** Which rows of the tables are written: those that the policy in force has not. */
  half: 0 | 1;
  mounts: readonly Mount[];
  /** Names that files have beside those of the policy. */
  aliases?: Aliases;
  /** The file that has this path now; without it no file is known but by its name. */
  fileOf?: (path: Buffer) => FileId | undefined;
  /** Of the policy in force, so that what its rules have let through still counts; none without one. */
  rates?: RateRows | undefined;
  /** Rules that are left out where the kernel cannot hold them. */
  accept: readonly string[];
  /** What holds of agentgov itself. */
  protect?: SelfProtection;
}

/** What of a policy can be changed while it is in force. */
export interface HeadOptions {
  /** Which of the two heads of its half: the one that is not in force. */
  place: 0 | 1;
  /** What verdicts are marked with, 16 bits. */
  serial: number;
  /** Over the modes of the policy and of its rules. */
  mode?: Mode | undefined;
  /** Over that: modes of single rules. */
  modes: ReadonlyMap<string, Mode>;
}

/** A head of a policy (struct ag_policy), and the rows that belong to it. */
export interface Head {
  /** Key of the head, which puts it in force. */
  readonly key: number;
  readonly tables: readonly Table[];
}

export interface Compiled {
  /** All but a head. */
  readonly tables: readonly Table[];
  head(options: HeadOptions): Head;
  /** What decisions are shown under, by the number that events have for it. */
  readonly rules: readonly string[];
  /** Of these, what is enforced whatever the modes are. */
  readonly always: readonly string[];
  /** Of these, what can be against something, and is in a mode. */
  readonly closing: readonly ClosingRule[];
  /** Where rules with `max` count. */
  readonly rates: RateRows;
  /** Rules that are not held: `NAME: why`. */
  readonly left: readonly string[];
  /** Rules over host names, which are held by addresses. */
  readonly bestEffort: readonly string[];
  /** Host names that rules name exactly. */
  readonly domains: readonly string[];
  /** Addresses (as text) by what rules over names say of them, each with all names that lead to it. */
  addresses(of: ReadonlyMap<string, ReadonlySet<string>>): Addresses;
}

export interface Addresses {
  /** To be written whatever else there is: rows of them are not made a second time. */
  readonly tables: readonly Table[];
  /** Those of which a rule over names speaks; the others are not in the tables. */
  readonly spoken: readonly string[];
  /** Why one of them is not there though a rule speaks of it. */
  readonly failed: CompileError | undefined;
}

/** A pattern, and what it means where it ends. */
interface Meaning {
  readonly pattern: PathPattern;
  readonly clauses: Ranked[];
  programs: bigint;
}

type RuleRow = Pick<Rule, 'name' | 'action' | 'mode' | 'errno'> & Partial<OwnRule> & { readonly rate?: number };

const ABSTRACT = '\u0000';

/** @throws CompileError naming the rules that the kernel cannot hold, or what there is too much of. */
export function compilePolicy(policy: Policy, options: CompileOptions): Compiled {
  const { document } = policy;
  const refused = document.policies.flatMap((rule) => {
    const why = cannotHold(rule);
    return why === undefined ? [] : [{ name: rule.name, why, moot: permitsToolsOnly(rule) }];
  });
  const unaccepted = refused.filter(({ name, moot }) => !moot && !options.accept.includes(name));
  if (unaccepted.length > 0) {
    const list = unaccepted.map(({ name, why }) => `"${name}" (${why})`).join(', ');
    const flags = unaccepted.map(({ name }) => `--accept ${name}`).join(' ');
    throw new CompileError(`cannot be held in the kernel: ${list}; to go without, give ${flags}`);
  }
  return new Compilation(policy, options, new Set(refused.map(({ name }) => name))).result(
    refused.map(({ name, why }) => `${name}: ${why}`),
  );
}

class Compilation {
  readonly #policy: Policy;
  readonly #options: CompileOptions;
  readonly #lists: ClauseLists;
  readonly #ranked: readonly Ranked[];
  /** Clauses over addresses and names. */
  readonly #network = new NetworkIndex();

  constructor(policy: Policy, options: CompileOptions, without: ReadonlySet<string>) {
    this.#policy = policy;
    this.#options = options;
    const { document } = policy;
    const { clauses } = clausesOf(policy, options.homes, options.aliases);
    this.#lists = new ClauseLists((rule) => document.policies[rule]?.name ?? '', options.half * LIMITS.clauses);
    const own = options.protect && ownClauses(options.protect, this.#firstOwn, options.aliases);
    this.#ranked = [...(own ?? []), ...clauses].flatMap((clause, order) => {
      const ops = kernelOps(clause.ops);
      const name = document.policies[clause.rule]?.name ?? '';
      // A path and an address together are in no operation of the kernel.
      const isNever = clause.object !== undefined && 'path' in clause.object && clause.blocks !== undefined;
      const kept = clause.ops === ops ? clause : { ...clause, ops };
      return ops === 0 || isNever || without.has(name) ? [] : [{ clause: kept, order }];
    });
    for (const ranked of this.#ranked) {
      const { object } = ranked.clause;
      if (object !== undefined && !('path' in object)) this.#network.add(ranked, object);
    }
  }

  /** The rules of self-protection come behind those of the policy and the ones that stand for its defaults. */
  get #firstOwn(): number {
    return this.#policy.document.policies.length + CLASSES.length;
  }

  result(left: readonly string[]): Compiled {
    const { document } = this.#policy;
    const own = this.#options.protect === undefined ? [] : ownRules(this.#options.protect);
    const room = LIMITS.rules - CLASSES.length - own.length;
    if (document.policies.length > room)
      throw new CompileError(`has ${document.policies.length} rules, and the kernel has room for ${room}`);
    const { half } = this.#options;
    const rates = new Rates(document.policies, this.#options.rates ?? new Map());
    const rules: RuleRow[] = [
      ...document.policies.map((rule) => ({ ...rule, rate: rates.of(rule) })),
      ...CLASSES.map((of) => ({
        name: `default_action.${of}`,
        action: (of === 'system' ? undefined : document.default_action?.[of]) ?? ('ALLOW' as const),
      })),
      ...own,
    ];
    const names = new NameAutomaton();
    const { fixed, floating } = this.#meanings();
    const first = new PathAutomaton(
      fixed.map(({ pattern }) => pattern.components),
      names,
      half * LIMITS.states + 1,
    );
    const inodes = this.#inodes(fixed, first);
    const firstPlaces = placeDevices(this.#options.mounts, first);
    const second = new PathAutomaton(
      floating.map(({ pattern }) => pattern.components),
      names,
      half * LIMITS.states + first.states.length + 1,
    );
    const secondPlaces = placeDevices(this.#options.mounts, second);
    const graph = new Graph(this.#lists, half * LIMITS.nameRows);
    graph.add(first, fixed);
    graph.add(second, floating);
    const devices = new Rows(16);
    for (const [dev, place] of firstPlaces) devices.add(half, dev, place, secondPlaces.get(dev) ?? 0);
    const general = this.#lists.of(this.#ranked.filter(({ clause }) => clause.object === undefined));
    const blocks = this.#blocks();
    const defaults = CLASSES.map((_, at) => document.policies.length + at);
    const has = (key: 'exe' | 'script'): number => Number(this.#ranked.some(({ clause }) => clause[key] !== undefined));
    const scoped = has('exe') | (has('script') << 1);
    const roots = [1, first.root, second.root, first.after(first.root, ABSTRACT), general.start, general.count];
    const ownFields = ownHead(this.#options.protect, this.#firstOwn, this.#options.mounts);
    const head = ({ place, serial, mode, modes }: HeadOptions): Head => {
      const key = half * HEADS_OF_HALF + place;
      const enforced = rules.map(
        ({ name, always, mode: own }) =>
          always === true || (modes.get(name) ?? mode ?? own ?? document.mode ?? 'audit') === 'enforce',
      );
      // Not those of self-protection: in mode audit nothing is denied only because it could not be asked.
      const isEnforced = enforced.slice(0, this.#firstOwn).includes(true);
      const ends = [scoped, Number(isEnforced), Number(inodes.count > 0)];
      const fields = [...roots, ...defaults, ...ends, half, key * LIMITS.rules, serial, ...ownFields];
      const ofRules = new Rows(8);
      const bytes = new Uint8Array(4);
      for (const [at, { action, errno = 'EPERM', rate = 0 }] of rules.entries()) {
        const row = ofRules.add(key * LIMITS.rules + at);
        bytes.set([ACTIONS[action], Number(enforced[at]), ERRNO[errno], rate]);
        ofRules.putBytes(row + 1, bytes);
      }
      const own = new Rows(4 + 4 * fields.length);
      own.add(key, ...fields);
      return { key, tables: [ofRules.table('rules'), own.table('policy')] };
    };
    const inModes = own.filter(({ always }) => !always).map(({ name }) => name);
    return {
      tables: [
        this.#lists.table(0),
        nameRows(names, graph, half),
        ...graph.tables(),
        devices.table('devices'),
        inodes.table('inodes'),
        blocks.table('blocks'),
        rates.table,
      ],
      head,
      rules: rules.map(({ name }) => name),
      always: own.filter(({ always }) => always).map(({ name }) => name),
      closing: closingRules(this.#policy, this.#options.homes, inModes),
      rates: rates.rows,
      left,
      bestEffort: this.#bestEffort(),
      domains: this.#domains(),
      addresses: (of) => this.#addresses(of),
    };
  }

  /** Patterns of objects and of programs, each once, apart by whether their place is fixed. */
  #meanings(): { fixed: Meaning[]; floating: Meaning[] } {
    const byText = new Map<string, Meaning>();
    const meaning = (pattern: PathPattern): Meaning => {
      const known = byText.get(pattern.text) ?? { pattern, clauses: [], programs: 0n };
      byText.set(pattern.text, known);
      return known;
    };
    for (const ranked of this.#ranked) {
      const { object, exe, script, rule } = ranked.clause;
      if (object !== undefined && 'path' in object) meaning(object.path).clauses.push(ranked);
      for (const set of [exe, script]) {
        if (set === undefined) continue;
        if (set.id >= LIMITS.programs)
          throw new CompileError(
            `has more than ${LIMITS.programs} different lists of programs in exe and script, which is all that the kernel tells apart: "${this.#policy.document.policies[rule]?.name}" has one too many; name the same programs in the same list in several rules`,
          );
        for (const pattern of set.patterns) meaning(pattern).programs |= 1n << BigInt(set.id);
      }
    }
    const all = [...byText.values()];
    const floats = ({ pattern }: Meaning): boolean => pattern.floating;
    return { fixed: all.filter((one) => !floats(one)), floating: all.filter(floats) };
  }

  /**
   * struct ag_inode for what is there now of the files and folders that begin a pattern of what is forbidden. One that
   * has several such names is known by all of them.
   */
  #inodes(fixed: readonly Meaning[], automaton: PathAutomaton): Rows {
    const byPath = new Map<string, readonly string[]>();
    for (const { pattern, clauses } of fixed) {
      const names = plainNames(pattern);
      if (names.length > 0 && names[0] !== ABSTRACT && clauses.some(({ clause }) => clause.forbids))
        byPath.set(names.join('/'), names);
    }
    const byFile = new Map<string, { id: FileId; places: Mounted[] }>();
    for (const names of byPath.values()) {
      const path = Buffer.concat(names.flatMap((name) => [Buffer.from('/'), bytesOfPattern(name)]));
      const id = this.#options.fileOf?.(path);
      if (id === undefined) continue;
      const known = byFile.get(`${id.dev} ${id.ino}`) ?? { id, places: [] };
      known.places.push({ root: [], at: names });
      byFile.set(`${id.dev} ${id.ino}`, known);
    }
    if (byFile.size > LIMITS.inodes) throw new CompileError(`names more than ${LIMITS.inodes} files`);
    const rows = new Rows(20);
    for (const { id, places } of byFile.values())
      rows.add(...halves(id.ino), id.dev, this.#options.half, automaton.rootOf(places));
    return rows;
  }

  /** What speaks of the whole of a block. */
  #covering(bytes: AddressBytes, bits: number): Ranked[] {
    return this.#network
      .find(undefined, bytes)
      .filter(({ clause: { object } }) => object !== undefined && 'block' in object && object.block.bits <= bits);
  }

  #blocks(): Rows {
    const prefixes = new Map<string, { bytes: AddressBytes; bits: number }>();
    for (const { clause } of this.#ranked) {
      if (clause.object === undefined || !('block' in clause.object)) continue;
      const { bytes, bits } = clause.object.block;
      prefixes.set(`${bits} ${bytes}`, { bytes, bits });
    }
    if (prefixes.size > LIMITS.blocks) throw new CompileError(`names more than ${LIMITS.blocks} addresses`);
    const rows = new Rows(BLOCK_BYTES);
    for (const { bytes, bits } of prefixes.values())
      addBlock(rows, this.#options.half, bytes, bits, this.#lists.of(this.#covering(bytes, bits)));
    return rows;
  }

  #domainClauses(): Ranked[] {
    return this.#ranked.filter(({ clause: { object } }) => object !== undefined && 'domain' in object);
  }

  #bestEffort(): string[] {
    const rules = new Set(this.#domainClauses().map(({ clause }) => clause.rule));
    return [...rules].map((rule) => this.#policy.document.policies[rule]?.name ?? '');
  }

  #domains(): string[] {
    const names = this.#domainClauses().flatMap(({ clause: { object } }) =>
      object !== undefined && 'domain' in object && object.domain.exact ? [object.domain.text] : [],
    );
    return [...new Set(names)];
  }

  #addresses(of: ReadonlyMap<string, ReadonlySet<string>>): Addresses {
    const from = this.#lists.count;
    const blocks = new Rows(BLOCK_BYTES);
    const spoken: string[] = [];
    let failed: CompileError | undefined;
    for (const [ip, names] of of) {
      const bytes = parseAddress(ip);
      const named = bytes === undefined ? [] : this.#named(bytes, names);
      if (bytes === undefined || named.length === 0) continue;
      const bits = bytes.length * 8;
      try {
        addBlock(blocks, this.#options.half, bytes, bits, this.#lists.of([...named, ...this.#covering(bytes, bits)]));
        spoken.push(ip);
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        failed ??= error;
      }
    }
    return { tables: [this.#lists.table(from), blocks.table('blocks')], spoken, failed };
  }

  /** What speaks of one of these names, and of this address too where it says which. */
  #named(bytes: AddressBytes, names: ReadonlySet<string>): Ranked[] {
    const found = new Set([...names].flatMap((name) => this.#network.find(name, undefined)));
    return [...found].filter(({ clause: { blocks } }) => blocks?.some((block) => inBlock(block, bytes)) ?? true);
  }
}

/** The names that a pattern begins with, up to the first star. */
function plainNames({ components }: PathPattern): string[] {
  const end = components.findIndex((component) => component === 'any' || component.length > 1);
  const plain = end < 0 ? components : components.slice(0, end);
  return plain.flatMap((component) => (component === 'any' ? [] : component.slice(0, 1)));
}

const BLOCK_BYTES = 32;

/** struct ag_block and the list of what speaks of it. */
function addBlock(rows: Rows, half: 0 | 1, bytes: AddressBytes, bits: number, list: List): void {
  const at = rows.add(16 + bits);
  rows.putBytes(at + 1, Uint8Array.of(half, bytes.length === 4 ? 4 : 6, ...Buffer.from(bytes, 'latin1')));
  rows.put(at + 6, [list.start, list.count]);
}

/** struct ag_name_row for each row of the automaton over names. */
function nameRows(names: NameAutomaton, graph: Graph, half: 0 | 1): Table {
  const rows = new Rows(8 + 512);
  for (const [row, { next, cls }] of names.rows.entries()) {
    const at = rows.add(half * LIMITS.nameRows + row, cls);
    const leads = next.map((to) => graph.row(to));
    rows.putBytes(at + 2, new Uint8Array(leads.buffer));
  }
  return rows.table('name_rows');
}

/** The tables that the automaton is. */
class Graph {
  readonly #states = new Rows(36);
  readonly #edges = new Rows(NAME_SHORT + 12);
  readonly #longEdges = new Rows(NAME_LONG + 12);
  readonly #classEdges = new Rows(12);

  /** @param firstRow of the automaton over names. */
  constructor(
    private readonly lists: ClauseLists,
    private readonly firstRow: number,
  ) {}

  /** A row of the automaton over names in its half of the table; none is none in either. */
  row(row: number): number {
    return row === 0 ? 0 : this.firstRow + row;
  }

  add(automaton: PathAutomaton, meanings: readonly Meaning[]): void {
    for (const state of automaton.states) this.#add(state, meanings);
  }

  #add(state: PathState, meanings: readonly Meaning[]): void {
    const of = (patterns: readonly number[]): readonly Ranked[] =>
      patterns.length === 1
        ? (meanings[patterns[0] as number]?.clauses ?? [])
        : patterns.flatMap((pattern) => meanings[pattern]?.clauses ?? []);
    const at = this.lists.of(of(state.accepts));
    const below = this.lists.of(of(state.below).filter(({ clause }) => clause.forbids));
    const programs = state.accepts.reduce((sum, pattern) => sum | (meanings[pattern]?.programs ?? 0n), 0n);
    this.#put(state.id, state.other, state.row, at, below, programs);
    for (const [name, next] of state.edges) this.edge(state.id, bytesOfPattern(name), next);
    for (const [cls, next] of state.classEdges) this.#classEdges.add(state.id, cls, next);
  }

  edge(state: number, name: Buffer, next: number): void {
    const [rows, room] = name.length <= NAME_SHORT ? [this.#edges, NAME_SHORT] : [this.#longEdges, NAME_LONG];
    const at = rows.add(state, name.length);
    rows.putBytes(at + 2, name);
    rows.put(at + 2 + room / 4, [next]);
    if (this.#longEdges.count > LIMITS.longEdges)
      throw new CompileError(`names more than ${LIMITS.longEdges} files by names of over ${NAME_SHORT} bytes`);
  }

  #put(id: number, other: number, row: number, at: List, below: List, programs: bigint): void {
    const lists = [at.start, at.count, below.start, below.count];
    this.#states.add(id, other, this.row(row), ...lists, ...halves(programs));
  }

  tables(): Table[] {
    return [
      this.#states.table('states'),
      this.#edges.table('edges_by_name'),
      this.#longEdges.table('long_edges'),
      this.#classEdges.table('edges_by_class'),
    ];
  }
}

/**
 * struct ag_device for each file system. One that is mounted more than once has more than one name for the same file,
 * and rules over each of them hold.
 */
function placeDevices(mounts: readonly Mount[], automaton: PathAutomaton): Map<number, number> {
  const byDevice = new Map<number, Mount[]>();
  for (const mount of mounts) byDevice.set(mount.dev, [...(byDevice.get(mount.dev) ?? []), mount]);
  if (byDevice.size > LIMITS.devices) throw new CompileError(`there are more than ${LIMITS.devices} file systems`);
  return new Map([...byDevice].map(([dev, all]) => [dev, automaton.rootOf(all.map(spelled))]));
}

/** Names of mountinfo as patterns spell them. */
const spelled = ({ root, at }: Mount): Mounted => ({ root: root.map(textOfName), at: at.map(textOfName) });

/** A name of mountinfo (Latin-1, one character a byte) as patterns spell it. */
const textOfName = (name: string): string => textOfBytes(Buffer.from(name, 'latin1')).text;
