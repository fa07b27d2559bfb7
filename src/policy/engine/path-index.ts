import { type Component, matchesFrom, split } from '../pattern/path.js';
import type { Clause } from './clause.js';

/** A clause with its place in the order of decisions (0 is first). */
export interface Placed {
  readonly clause: Clause;
  readonly order: number;
}

interface Globbed extends Placed {
  readonly components: readonly Component[];
}

interface Node {
  readonly children: Map<string, Node>;
  /** Clauses for this very path. */
  exact?: Placed[];
  /** Clauses for this folder and all below it. */
  folder?: Placed[];
  /** Patterns whose first wildcard is just below this folder. */
  globs?: Globbed[];
}

const MEMO_MAX = 32_768;
const MEMO_LENGTH = 512;
const NOTHING: readonly Placed[] = [];

const literal = (component: Component | undefined): string | undefined =>
  component !== undefined && component !== 'any' && component.length === 1 ? component[0] : undefined;

// Which clauses fit a path. A tree of components, left as soon as no rule goes deeper, so a path of 4,095 bytes costs
// no more than the policy is deep; patterns are tried below the folder that they begin with, and `**/NAME` by its name.
export class PathIndex {
  readonly #root: Node = { children: new Map() };
  /** Patterns that begin with `**` and end in a name without a star. */
  readonly #byName = new Map<string, Globbed[]>();
  readonly #memo = new Map<string, readonly Placed[]>();
  #size = 0;

  add(placed: Placed, components: readonly Component[]): void {
    this.#size++;
    const last = literal(components.at(-1));
    if (components[0] === 'any' && last !== undefined) {
      const named = this.#byName.get(last);
      if (named) named.push({ ...placed, components });
      else this.#byName.set(last, [{ ...placed, components }]);
      return;
    }
    let node = this.#root;
    for (const [at, component] of components.entries()) {
      const name = literal(component);
      if (name === undefined) {
        if (component === 'any' && at === components.length - 1) {
          node.folder ??= [];
          node.folder.push(placed);
        } else {
          node.globs ??= [];
          node.globs.push({ ...placed, components: components.slice(at) });
        }
        return;
      }
      let child = node.children.get(name);
      if (child === undefined) {
        child = { children: new Map() };
        node.children.set(name, child);
      }
      node = child;
    }
    node.exact ??= [];
    node.exact.push(placed);
  }

  /** In the order of decisions. */
  find(path: string): readonly Placed[] {
    if (this.#size === 0) return NOTHING;
    const known = this.#memo.get(path);
    if (known !== undefined) return known;
    const found = this.#search(path);
    if (path.length <= MEMO_LENGTH) {
      // The agent chooses the paths: a memo without bound would be its way into our memory.
      if (this.#memo.size >= MEMO_MAX) this.#memo.clear();
      this.#memo.set(path, found);
    }
    return found;
  }

  #search(path: string): readonly Placed[] {
    const parts = split(path);
    if (parts === undefined) return NOTHING;
    const found: Placed[] = [];
    const named = this.#byName.get(parts.at(-1) ?? '');
    if (named) found.push(...named.filter(({ components }) => matchesFrom(components, 0, parts, 0)));
    let node: Node | undefined = this.#root;
    for (let at = 0; node !== undefined; at++) {
      if (node.folder) found.push(...node.folder);
      if (node.globs) found.push(...node.globs.filter(({ components }) => matchesFrom(components, 0, parts, at)));
      if (at === parts.length) {
        if (node.exact) found.push(...node.exact);
        break;
      }
      node = node.children.get(parts[at] ?? '');
    }
    return found.length === 0 ? NOTHING : found.sort((a, b) => a.order - b.order);
  }
}
