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

const SPAN = 4096; // more than any pattern has components

const globKey = (stars: Stars): string => stars.join('\u0000');

export class PathAutomaton {
  readonly states: PathState[] = [];
  readonly root: number;
  readonly #patterns: readonly (readonly Component[])[];
  readonly #names: NameAutomaton;
  readonly #firstId: number;
  readonly #known = new Map<string, PathState>();
  readonly #items = new Map<PathState, readonly number[]>();
  #edges = 0;
  #classEdges = 0;

  /**
   * @param firstId number of its first state.
   * @throws CompileError when there would be more states or edges than the kernel has room for.
   */
  constructor(patterns: readonly (readonly Component[])[], names: NameAutomaton, firstId: number) {
    this.#patterns = patterns;
    this.#names = names;
    this.#firstId = firstId;
    this.root = this.#stateOf(patterns.map((_, pattern) => pattern * SPAN));
    for (let at = 0; at < this.states.length; at++) this.#expand(this.states[at] as PathState);
  }

  /** The state behind one component, as the kernel finds it. */
  after(state: number, name: string): number {
    const from = this.states[state - this.#firstId];
    if (from === undefined) return 0;
    const edge = from.edges.get(name);
    if (edge !== undefined) return edge;
    return this.#stateOf(this.#step(this.#items.get(from) ?? [], name));
  }

  #component(item: number): Component | undefined {
    return this.#patterns[Math.floor(item / SPAN)]?.[item % SPAN];
  }

  #stateOf(open: Iterable<number>): number {
    const closed = new Set<number>();
    for (let item of open) {
      closed.add(item);
      while (this.#component(item) === 'any') closed.add(++item);
    }
    if (closed.size === 0) return 0;
    const items = [...closed].sort((a, b) => a - b);
    const key = items.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known.id;
    const id = this.#firstId + this.states.length;
    if (id >= LIMITS.states) throw new CompileError('it needs more states than the kernel has room for');
    const accepts = items.filter((item) => this.#component(item) === undefined).map((item) => Math.floor(item / SPAN));
    const below = items.filter((item) => this.#hasBelow(item)).map((item) => Math.floor(item / SPAN));
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
