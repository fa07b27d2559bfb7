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
  readonly edges: Map<string, number>;
  readonly classEdges: Map<number, number>;
}

/** A place is pattern << SPAN_BITS | component: more than any pattern or path has of them. */
const SPAN_BITS = 12;
const SPAN = 1 << SPAN_BITS;

const patternOf = (item: number): number => item >>> SPAN_BITS;
const componentOf = (item: number): number => item & (SPAN - 1);

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
const NO_BASE: Base = { id: 0, items: [], known: new Set(), awaited: NOTHING };

export class PathAutomaton {
  readonly states: PathState[] = [];
  readonly root: number;
  readonly #patterns: readonly (readonly Component[])[];
  readonly #names: NameAutomaton;
  readonly #firstId: number;
  readonly #known = new Map<string, PathState>();
  readonly #bases = new Map<string, Base>();
  readonly #places = new Map<PathState, Places>();
  /** The way to what is mounted, behind the patterns: its items lead to those of the place where it is mounted. */
  readonly #ways: { components: readonly Component[]; leads: readonly number[] }[] = [];
  #atRoot: Awaited | undefined;
  #expanded = 0;
  #edges = 0;
  #classEdges = 0;

  /**
   * @param firstId number of its first state, in the rows of its half.
   * @throws CompileError when there would be more states or edges than the kernel has room for.
   */
  constructor(patterns: readonly (readonly Component[])[], names: NameAutomaton, firstId: number) {
    this.#patterns = patterns;
    this.#names = names;
    this.#firstId = firstId;
    this.root = this.#stateOf(this.#start());
    this.#expandAll();
  }

  /** The state behind one component, as the kernel finds it. */
  after(state: number, name: string): number {
    const from = this.states[state - this.#firstId];
    if (from === undefined) return 0;
    const edge = from.edges.get(name);
    if (edge !== undefined) return edge;
    const { base, others } = this.#places.get(from) as Places;
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
        start.push((this.#patterns.length + this.#ways.length) * SPAN);
        this.#ways.push({ components: root.map((name): Component => [name]), leads });
      }
    }
    const state = this.#stateOf(start);
    this.#expandAll();
    return state;
  }

  /** Places behind these names, from the root of the name space. */
  #behind([first, ...rest]: readonly string[]): readonly number[] {
    if (first === undefined) return this.#start();
    // All patterns are there, and few of them begin with any name.
    this.#atRoot ??= this.#awaited(this.#closed(this.#start()));
    const { literals, globs } = this.#atRoot;
    const fitting = [...globs.values()].filter(({ stars }) => matchesStars(stars, first));
    const begun = [...this.#anywhere(), ...(literals.get(first) ?? []), ...fitting.flatMap(({ items }) => items)];
    return rest.reduce<readonly number[]>((items, name) => this.#step(this.#closed(items), name), begun);
  }

  #start(): number[] {
    return this.#patterns.map((_, pattern) => pattern * SPAN);
  }

  #anywhere(): number[] {
    return this.#start().filter((item) => this.#isAny(item));
  }

  #expandAll(): void {
    for (; this.#expanded < this.states.length; this.#expanded++)
      this.#expand(this.states[this.#expanded] as PathState);
  }

  #way(item: number): { components: readonly Component[]; leads: readonly number[] } | undefined {
    return this.#ways[patternOf(item) - this.#patterns.length];
  }

  #component(item: number): Component | undefined {
    const components = this.#patterns[patternOf(item)] ?? this.#way(item)?.components;
    return components?.[componentOf(item)];
  }

  /** With all that costs no name: behind a `**`, and where a way ends. Sorted. */
  #closed(open: Iterable<number>): number[] {
    const closed = new Set<number>();
    const waiting = [...open];
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      const way = this.#way(item);
      if (way !== undefined && componentOf(item) === way.components.length) waiting.push(...way.leads);
      else if (!closed.has(item)) {
        closed.add(item);
        if (this.#isAny(item)) waiting.push(item + 1);
      }
    }
    return [...closed].sort((a, b) => a - b);
  }

  #isAny(item: number): boolean {
    return this.#component(item) === 'any';
  }

  #stateOf(open: Iterable<number>): number {
    const items = this.#closed(open);
    return this.#state(this.#base(this.#closed(items.filter((item) => this.#isAny(item)))), items);
  }

  /** The state of these places and of all that `base` has. */
  #beside(base: Base, open: Iterable<number>): number {
    const more = this.#closed(open).filter((item) => !base.known.has(item));
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
    const others = items.filter((item) => !base.known.has(item));
    if (others.length === 0) return base.id;
    const key = `${base.id} ${others.join()}`;
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
    const of = this.states[base.id - this.#firstId];
    const items = of === undefined ? [...base.items, ...others] : others;
    const accepts = items.filter((item) => this.#component(item) === undefined).map(patternOf);
    const below = items.flatMap((item) => this.#below(item));
    const made: PathState = {
      id: this.#nextId(),
      accepts: [...new Set([...(of?.accepts ?? []), ...accepts])],
      below: [...new Set([...(of?.below ?? []), ...below])],
      other: base.id,
      row: 0,
      edges: new Map(),
      classEdges: new Map(),
    };
    this.states.push(made);
    this.#places.set(made, { base, others });
    return made;
  }

  /** Patterns that something below can match. What is on the way to a mounted folder takes all of it along. */
  #below(item: number): number[] {
    const way = this.#way(item);
    if (way === undefined) return this.#hasBelow(item) ? [patternOf(item)] : [];
    return this.#closed(way.leads)
      .filter((lead) => this.#component(lead) === undefined || this.#hasBelow(lead))
      .map(patternOf);
  }

  /** A pattern that has begun and asks for more names. One that may begin anywhere has not begun in its first `**`. */
  #hasBelow(item: number): boolean {
    const components = this.#patterns[patternOf(item)] ?? [];
    const at = componentOf(item);
    if (at <= (components[0] === 'any' ? 1 : 0)) return false;
    return components.slice(at).some((component) => component !== 'any');
  }

  #step(items: readonly number[], name: string): number[] {
    return items.flatMap((item) => {
      const component = this.#component(item);
      if (component === undefined) return [];
      if (component === 'any') return [item];
      return matchesStars(component, name) ? [item + 1] : [];
    });
  }

  #awaited(items: readonly number[]): Awaited {
    const literals = new Map<string, number[]>();
    const globs = new Map<string, { stars: Stars; items: number[] }>();
    for (const item of items) {
      const component = this.#component(item);
      if (component === undefined || component === 'any') continue;
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
    const { base, others } = this.#places.get(state) as Places;
    const isBase = state.id === base.id;
    const own = isBase ? base.awaited : this.#awaited(others);
    const common = isBase ? NOTHING : base.awaited;
    const globs = new Map(common.globs);
    for (const [key, { stars, items }] of own.globs)
      globs.set(key, { stars, items: [...(globs.get(key)?.items ?? []), ...items] });
    const ownGlobs = [...own.globs.values()];
    const allGlobs = [...globs.values()];
    // Names of the base as well, where something more of this state's own fits them.
    const both = ownGlobs.length === 0 ? [] : [...common.literals.keys()];
    const shared = both.filter((text) => ownGlobs.some(({ stars }) => matchesStars(stars, text)));
    for (const text of new Set([...own.literals.keys(), ...shared])) {
      const matched = allGlobs.filter(({ stars }) => matchesStars(stars, text)).flatMap(({ items }) => items);
      const next = [...(own.literals.get(text) ?? []), ...(common.literals.get(text) ?? []), ...matched];
      state.edges.set(text, this.#beside(base, next));
    }
    if (ownGlobs.length > 0) {
      const { row, classes } = this.#names.start(new Map([...globs].map(([key, { stars }]) => [key, stars])));
      state.row = row;
      for (const [cls, keys] of classes) {
        if (!keys.some((key) => own.globs.has(key))) continue;
        state.classEdges.set(
          cls,
          this.#beside(
            base,
            keys.flatMap((key) => globs.get(key)?.items ?? []),
          ),
        );
      }
    }
    this.#edges += state.edges.size;
    this.#classEdges += state.classEdges.size;
    if (this.#edges > LIMITS.edges || this.#classEdges > LIMITS.classEdges) {
      throw new CompileError('its patterns with "**" in front of something need more room than the kernel has');
    }
  }
}
