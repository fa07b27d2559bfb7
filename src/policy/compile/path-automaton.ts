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
  /** The next state for a name that no edge is for; 0: nothing can match any more. */
  other: number;
  /** First row of the automaton over names; 0: no pattern has a star here. */
  row: number;
  readonly edges: Map<string, number>;
  readonly classEdges: Map<number, number>;
}

const SPAN = 4096; // more than any pattern or path has components

/** A folder of a file system that is mounted somewhere: below it each name is also the one that `at` begins. */
export interface Mounted {
  /** From the root of the file system. */
  readonly root: readonly string[];
  /** From the root of the name space. */
  readonly at: readonly string[];
}

const globKey = (stars: Stars): string => stars.join('\u0000');

export class PathAutomaton {
  readonly states: PathState[] = [];
  readonly root: number;
  readonly #patterns: readonly (readonly Component[])[];
  readonly #names: NameAutomaton;
  readonly #firstId: number;
  readonly #known = new Map<string, PathState>();
  readonly #items = new Map<PathState, readonly number[]>();
  /** The way to what is mounted, behind the patterns: its items lead to those of the place where it is mounted. */
  readonly #ways: { components: readonly Component[]; leads: readonly number[] }[] = [];
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
    return this.#stateOf(this.#step(this.#items.get(from) ?? [], name));
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
      const leads = at.reduce((items, name) => this.#step(this.#closed(items), name), this.#start());
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

  #start(): number[] {
    return this.#patterns.map((_, pattern) => pattern * SPAN);
  }

  #anywhere(): number[] {
    return this.#start().filter((item) => this.#component(item) === 'any');
  }

  #expandAll(): void {
    for (; this.#expanded < this.states.length; this.#expanded++)
      this.#expand(this.states[this.#expanded] as PathState);
  }

  #way(item: number): { components: readonly Component[]; leads: readonly number[] } | undefined {
    return this.#ways[Math.floor(item / SPAN) - this.#patterns.length];
  }

  #component(item: number): Component | undefined {
    const components = this.#patterns[Math.floor(item / SPAN)] ?? this.#way(item)?.components;
    return components?.[item % SPAN];
  }

  /** With all that costs no name: behind a `**`, and where a way ends. Sorted. */
  #closed(open: Iterable<number>): number[] {
    const closed = new Set<number>();
    const waiting = [...open];
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
      const way = this.#way(item);
      if (way !== undefined && item % SPAN === way.components.length) waiting.push(...way.leads);
      else if (!closed.has(item)) {
        closed.add(item);
        if (this.#component(item) === 'any') waiting.push(item + 1);
      }
    }
    return [...closed].sort((a, b) => a - b);
  }

  #stateOf(open: Iterable<number>): number {
    const items = this.#closed(open);
    if (items.length === 0) return 0;
    const key = items.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known.id;
    const id = this.#firstId + this.states.length;
    // The first number behind the rows of a half.
    if (id % LIMITS.states === 0) throw new CompileError('it needs more states than the kernel has room for');
    const accepts = items.filter((item) => this.#component(item) === undefined).map((item) => Math.floor(item / SPAN));
    const below = items.flatMap((item) => this.#below(item));
    const made: PathState = {
      id,
      accepts: [...new Set(accepts)],
      below: [...new Set(below)],
      other: 0,
      row: 0,
      edges: new Map(),
      classEdges: new Map(),
    };
    this.states.push(made);
    this.#known.set(key, made);
    this.#items.set(made, items);
    return id;
  }

  /** Patterns that something below can match. What is on the way to a mounted folder takes all of it along. */
  #below(item: number): number[] {
    const way = this.#way(item);
    if (way === undefined) return this.#hasBelow(item) ? [Math.floor(item / SPAN)] : [];
    return this.#closed(way.leads)
      .filter((lead) => this.#component(lead) === undefined || this.#hasBelow(lead))
      .map((lead) => Math.floor(lead / SPAN));
  }

  /** A pattern that has begun and asks for more names. One that may begin anywhere has not begun in its first `**`. */
  #hasBelow(item: number): boolean {
    const components = this.#patterns[Math.floor(item / SPAN)] ?? [];
    const at = item % SPAN;
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

  #expand(state: PathState): void {
    const items = this.#items.get(state) ?? [];
    const anys: number[] = [];
    const literals = new Map<string, number[]>();
    const globs = new Map<string, { stars: Stars; items: number[] }>();
    for (const item of items) {
      const component = this.#component(item);
      if (component === undefined) continue;
      if (component === 'any') anys.push(item);
      else if (component.length === 1) {
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
    state.other = this.#stateOf(anys);
    for (const [text, next] of literals) {
      const matched = [...globs.values()]
        .filter(({ stars }) => matchesStars(stars, text))
        .flatMap((glob) => glob.items);
      state.edges.set(text, this.#stateOf([...anys, ...next, ...matched]));
    }
    if (globs.size > 0) {
      const { row, classes } = this.#names.start(new Map([...globs].map(([key, { stars }]) => [key, stars])));
      state.row = row;
      for (const [cls, keys] of classes) {
        state.classEdges.set(cls, this.#stateOf([...anys, ...keys.flatMap((key) => globs.get(key)?.items ?? [])]));
      }
    }
    this.#edges += state.edges.size;
    this.#classEdges += state.classEdges.size;
    if (this.#edges > LIMITS.edges || this.#classEdges > LIMITS.classEdges) {
      throw new CompileError('its patterns with "**" in front of something need more room than the kernel has');
    }
  }
}
