// The automaton over the components of a path (bpf/include/policy.h): one state for each set of places in patterns that
// a path can have come to.

import type { Component } from '../pattern/path.js';
import { matchesStars, type Stars } from '../pattern/stars.js';
import { CompileError } from './error.js';
import { LIMITS } from './layout.js';
import type { NameAutomaton } from './name-automaton.js';

export interface PathState {
  readonly id: number;
  /** Patterns that a path which ends here matches. */
  readonly accepts: readonly number[];
  /** Patterns that something further down can match, and nothing that is not below here. */
  readonly below: readonly number[];
  /**
   * The state of what stays whatever comes next, behind a `**`; 0: nothing does. A name that has no edge here leads to
   * where it leads from there, and one that has none there either leads there. So a state has the edges of what has
   * begun, and not once more those of all that may begin anywhere.
   */
  readonly other: number;
  /** First row of the automaton over names; 0: no pattern has a star here. */
  row: number;
  edges: ReadonlyMap<string, number>;
  classEdges: ReadonlyMap<number, number>;
}

/** A folder of a file system that is mounted somewhere: below it each name is also the one that `at` begins. */
export interface Mounted {
  /** From the root of the file system. */
  readonly root: readonly string[];
  /** From the root of the name space. */
  readonly at: readonly string[];
}

const globKey = (stars: Stars): string => stars.join('\u0000');

/** Names and patterns of names that places wait for, and the places behind them. */
interface Awaited {
  readonly literals: ReadonlyMap<string, readonly number[]>;
  readonly globs: ReadonlyMap<string, { readonly stars: Stars; readonly items: readonly number[] }>;
}

/** A state that is its own `other`: what all states have in common whose `other` it is. */
interface Base {
  readonly id: number;
  readonly items: readonly number[];
  readonly known: ReadonlySet<number>;
  readonly awaited: Awaited;
}

/** A base, and what a state has beside it: two states are the same when both are. */
interface Places {
  readonly base: Base;
  readonly others: readonly number[];
}

const NOTHING: Awaited = { literals: new Map(), globs: new Map() };
/** Of the many states that nothing follows. */
const NO_NAMES: ReadonlyMap<string, number> = new Map();
const NO_CLASSES: ReadonlyMap<number, number> = new Map();
const NO_BASE: Base = { id: 0, items: [], known: new Set(), awaited: NOTHING };

/** Of these places those that the base has not. */
const beside = (base: Base, items: readonly number[]): readonly number[] =>
  base === NO_BASE ? items : items.filter((item) => !base.known.has(item));

export class PathAutomaton {
  readonly states: PathState[] = [];
  readonly root: number;
  /**
   * What each place waits for: those of the first pattern, then where it ends (undefined), then those of the next. A place
   * is its number here.
   */
  readonly #components: (Component | undefined)[] = [];
  /** The pattern of each place; behind all patterns come the ways. */
  readonly #patternOf: number[] = [];
  /** Patterns that something below a place of theirs can match. */
  readonly #hasBelow: boolean[] = [];
  /** The first place of each pattern. */
  readonly #start: number[] = [];
  readonly #names: NameAutomaton;
  readonly #firstId: number;
  /** By their places: most have one beside those of their base, which is a number to look for instead of a text. */
  readonly #known = new Map<string | number, PathState>();
  readonly #bases = new Map<string, Base>();
  /** Of each state. */
  readonly #places: Places[] = [];
  /** By the place at the end of a way to what is mounted: the places where it is mounted. */
  readonly #leads = new Map<number, readonly number[]>();
  /** By the number that a way has among the patterns. */
  readonly #ways = new Map<number, readonly number[]>();
  #atRoot: Awaited | undefined;
  #expanded = 0;
  #edges = 0;
  #classEdges = 0;

  /**
   * @param firstId number of its first state, in the rows of its half.
   * @throws CompileError when there would be more states or edges than the kernel has room for.
   */
  constructor(patterns: readonly (readonly Component[])[], names: NameAutomaton, firstId: number) {
    this.#names = names;
    this.#firstId = firstId;
    for (const components of patterns) this.#start.push(this.#put(components));
    this.root = this.#stateOf(this.#start);
    this.#expandAll();
  }

  /** The state behind one component, as the kernel finds it. */
  after(state: number, name: string): number {
    const from = this.states[state - this.#firstId];
    if (from === undefined) return 0;
    const edge = from.edges.get(name);
    if (edge !== undefined) return edge;
    const { base, others } = this.#places[state - this.#firstId] as Places;
    return this.#stateOf(this.#step([...base.items, ...others], name));
  }

  /**
   * The state at the root of a file system whose folders are mounted at these places: a name below several of them is
   * all that it is called there. Where the root itself is mounted nowhere, only what may begin anywhere is known of the
   * names beside.
   *
   * @throws CompileError as the constructor.
   */
  rootOf(mounted: readonly Mounted[]): number {
    const start = mounted.some(({ root }) => root.length === 0) ? [] : this.#anywhere();
    for (const { root, at } of mounted) {
      const leads = this.#behind(at);
      if (root.length === 0) start.push(...leads);
      else if (leads.length > 0) {
        start.push(this.#put(root.map((name): Component => [name])));
        this.#leads.set(this.#components.length - 1, leads);
        this.#ways.set(this.#patternOf.at(-1) as number, leads);
      }
    }
    const state = this.#stateOf(start);
    this.#expandAll();
    return state;
  }

  /** Places behind these names, from the root of the name space. */
  #behind([first, ...rest]: readonly string[]): readonly number[] {
    if (first === undefined) return this.#start;
    // All patterns are there, and few of them begin with any name.
    this.#atRoot ??= this.#awaited(this.#closed(this.#start));
    const { literals, globs } = this.#atRoot;
    const fitting = [...globs.values()].filter(({ stars }) => matchesStars(stars, first));
    const begun = [...this.#anywhere(), ...(literals.get(first) ?? []), ...fitting.flatMap(({ items }) => items)];
    return rest.reduce<readonly number[]>((items, name) => this.#step(this.#closed(items), name), begun);
  }

  #anywhere(): number[] {
    return this.#start.filter((item) => this.#isAny(item));
  }

  /** @returns the first place of a new pattern, or way. */
  #put(components: readonly Component[]): number {
    const first = this.#components.length;
    const pattern = (this.#patternOf.at(-1) ?? -1) + 1;
    // One that may begin anywhere has not begun in its first `**`.
    const begun = components[0] === 'any' ? 1 : 0;
    const end = components.findLastIndex((component) => component !== 'any');
    for (let at = 0; at <= components.length; at++) {
      this.#components.push(components[at]);
      this.#patternOf.push(pattern);
      this.#hasBelow.push(at > begun && at <= end);
    }
    return first;
  }

  #expandAll(): void {
    for (; this.#expanded < this.states.length; this.#expanded++)
      this.#expand(this.states[this.#expanded] as PathState);
  }

  /** With all that costs no name: behind a `**`, and where a way ends. Sorted. */
  #closed(open: readonly number[]): readonly number[] {
    const [first] = open;
    if (first === undefined || (open.length === 1 && !this.#isAny(first) && !this.#leads.has(first))) return open;
    const closed = new Set<number>();
    const waiting = [...open];
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      const leads = this.#leads.get(item);
      if (leads !== undefined) waiting.push(...leads);
      else if (!closed.has(item)) {
        closed.add(item);
        if (this.#isAny(item)) waiting.push(item + 1);
      }
    }
    return [...closed].sort((a, b) => a - b);
  }

  #isAny(item: number): boolean {
    return this.#components[item] === 'any';
  }

  #stateOf(open: readonly number[]): number {
    const items = this.#closed(open);
    return this.#state(this.#base(this.#closed(items.filter((item) => this.#isAny(item)))), items);
  }

  /** The state of these places and of all that `base` has. */
  #beside(base: Base, open: readonly number[]): number {
    const more = beside(base, this.#closed(open));
    return more.some((item) => this.#isAny(item)) ? this.#stateOf([...base.items, ...more]) : this.#state(base, more);
  }

  #base(items: readonly number[]): Base {
    if (items.length === 0) return NO_BASE;
    const key = items.join();
    const known = this.#bases.get(key);
    if (known !== undefined) return known;
    const base: Base = { id: this.#nextId(), items, known: new Set(items), awaited: this.#awaited(items) };
    this.#bases.set(key, base);
    this.#make(base, []);
    return base;
  }

  #state(base: Base, items: readonly number[]): number {
    const others = beside(base, items);
    const [only = 0] = others;
    if (others.length === 0) return base.id;
    const key = others.length === 1 ? only * 2 * LIMITS.states + base.id : `${base.id} ${others.join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known.id;
    const made = this.#make(base, others);
    this.#known.set(key, made);
    return made.id;
  }

  #nextId(): number {
    const id = this.#firstId + this.states.length;
    // The first number behind the rows of a half.
    if (id % LIMITS.states === 0) throw new CompileError('it needs more states than the kernel has room for');
    return id;
  }

  #make(base: Base, others: readonly number[]): PathState {
    // A base's own are known once it is made.
    const of = base === NO_BASE ? undefined : this.states[base.id - this.#firstId];
    const items = of === undefined ? [...base.items, ...others] : others;
    const accepts = items.filter((item) => this.#components[item] === undefined).map((item) => this.#pattern(item));
    const below = items.flatMap((item) => this.#below(item));
    const made: PathState = {
      id: this.#nextId(),
      accepts: of === undefined ? accepts : [...new Set([...of.accepts, ...accepts])],
      below: of === undefined && below.length < 2 ? below : [...new Set([...(of?.below ?? []), ...below])],
      other: base.id,
      row: 0,
      edges: NO_NAMES,
      classEdges: NO_CLASSES,
    };
    this.states.push(made);
    this.#places.push({ base, others });
    return made;
  }

  #pattern(item: number): number {
    return this.#patternOf[item] as number;
  }

  /** Patterns that something below can match. What is on the way to a mounted folder takes all of it along. */
  #below(item: number): number[] {
    const leads = this.#ways.get(this.#pattern(item));
    if (leads === undefined) return this.#hasBelow[item] ? [this.#pattern(item)] : [];
    return this.#closed(leads)
      .filter((lead) => this.#components[lead] === undefined || this.#hasBelow[lead])
      .map((lead) => this.#pattern(lead));
  }

  #step(items: readonly number[], name: string): number[] {
    return items.flatMap((item) => {
      const component = this.#components[item];
      if (component === undefined) return [];
      if (component === 'any') return [item];
      return matchesStars(component, name) ? [item + 1] : [];
    });
  }

  #awaited(items: readonly number[]): Awaited {
    const waiting = items.filter((item) => this.#components[item] !== undefined && !this.#isAny(item));
    if (waiting.length === 0) return NOTHING;
    const literals = new Map<string, number[]>();
    const globs = new Map<string, { stars: Stars; items: number[] }>();
    for (const item of waiting) {
      const component = this.#components[item] as Stars;
      if (component.length === 1) {
        const text = component[0] ?? '';
        const list = literals.get(text);
        if (list) list.push(item + 1);
        else literals.set(text, [item + 1]);
      } else {
        const key = globKey(component);
        const glob = globs.get(key) ?? { stars: component, items: [] };
        glob.items.push(item + 1);
        globs.set(key, glob);
      }
    }
    return { literals, globs };
  }

  #expand(state: PathState): void {
    const { base, others } = this.#places[state.id - this.#firstId] as Places;
    const isBase = state.id === base.id;
    const own = isBase ? base.awaited : this.#awaited(others);
    if (own.literals.size > 0 || own.globs.size > 0) this.#follow(state, base, own, isBase ? NOTHING : base.awaited);
    this.#edges += state.edges.size;
    this.#classEdges += state.classEdges.size;
    if (this.#edges > LIMITS.edges || this.#classEdges > LIMITS.classEdges) {
      throw new CompileError('its patterns with "**" in front of something need more room than the kernel has');
    }
  }

  /** @param common what the base of the state waits for as well. */
  #follow(state: PathState, base: Base, own: Awaited, common: Awaited): void {
    const globs = new Map(common.globs);
    for (const [key, { stars, items }] of own.globs)
      globs.set(key, { stars, items: [...(globs.get(key)?.items ?? []), ...items] });
    const ownGlobs = [...own.globs.values()];
    const allGlobs = [...globs.values()];
    // Names of the base as well, where something more of this state's own fits them.
    const both = ownGlobs.length === 0 ? [] : [...common.literals.keys()];
    const shared = both.filter((text) => ownGlobs.some(({ stars }) => matchesStars(stars, text)));
    const edges = new Map<string, number>();
    const isPlain = globs.size === 0 && common.literals.size === 0;
    if (isPlain) for (const [text, next] of own.literals) edges.set(text, this.#beside(base, next));
    for (const text of isPlain ? [] : new Set([...own.literals.keys(), ...shared])) {
      const matched = allGlobs.filter(({ stars }) => matchesStars(stars, text)).flatMap(({ items }) => items);
      const next = [...(own.literals.get(text) ?? []), ...(common.literals.get(text) ?? []), ...matched];
      edges.set(text, this.#beside(base, next));
    }
    state.edges = edges;
    if (ownGlobs.length === 0) return;
    const { row, classes } = this.#names.start(new Map([...globs].map(([key, { stars }]) => [key, stars])));
    const classEdges = new Map<number, number>();
    for (const [cls, keys] of classes) {
      if (!keys.some((key) => own.globs.has(key))) continue;
      classEdges.set(
        cls,
        this.#beside(
          base,
          keys.flatMap((key) => globs.get(key)?.items ?? []),
        ),
      );
    }
    state.row = row;
    state.classEdges = classEdges;
  }
}
