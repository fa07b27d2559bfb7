import { type Component, matchesFrom, split } from '../pattern/path.js';
import { matchesStars, type Stars } from '../pattern/stars.js';
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
  /** Names with stars in them, by their spelling: patterns that begin alike (`~/` is `/home/*`) are tried as one. */
  wild?: Map<string, { readonly name: Stars; readonly node: Node }>;
  /** Clauses for this very path. */
  exact?: Placed[];
  /** Clauses for this folder and all below it. */
  folder?: Placed[];
  /** Patterns that go on with a `**` from here. */
  globs?: Globbed[];
}

const MEMO_MAX = 32_768;
const MEMO_LENGTH = 512;
const NOTHING: readonly Placed[] = [];

const literal = (component: Component | undefined): string | undefined =>
  component !== undefined && component !== 'any' && component.length === 1 ? component[0] : undefined;

const newNode = (): Node => ({ children: new Map() });

/** The node below for this component, made where there is none. */
function step(node: Node, name: Stars): Node {
  const [text = ''] = name;
  if (name.length === 1) {
    const known = node.children.get(text) ?? newNode();
    node.children.set(text, known);
    return known;
  }
  node.wild ??= new Map();
  // No name has a NUL in it.
  const spelled = name.join('\u0000');
  const known = node.wild.get(spelled) ?? { name, node: newNode() };
  node.wild.set(spelled, known);
  return known.node;
}

// Which clauses fit a path. A tree of components, left as soon as no rule goes deeper, so a path of 4,095 bytes costs
// no more than the policy is deep; what has a `**` is tried below the folder that it begins with, and `**/NAME` by its
// name.
export class PathIndex {
  readonly #root = newNode();
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
      if (component === 'any') {
        if (at === components.length - 1) {
          node.folder ??= [];
          node.folder.push(placed);
        } else {
          node.globs ??= [];
          node.globs.push({ ...placed, components: components.slice(at) });
        }
        return;
      }
      node = step(node, component);
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
    collect(this.#root, parts, 0, found);
    return found.length === 0 ? NOTHING : found.sort((a, b) => a.order - b.order);
  }
}

/** Adds what fits the parts from `at` on, below this node. */
function collect(node: Node, parts: readonly string[], at: number, found: Placed[]): void {
  if (node.folder) found.push(...node.folder);
  if (node.globs) found.push(...node.globs.filter(({ components }) => matchesFrom(components, 0, parts, at)));
  const part = parts[at];
  if (part === undefined) {
    if (node.exact) found.push(...node.exact);
    return;
  }
  const child = node.children.get(part);
  if (child !== undefined) collect(child, parts, at + 1, found);
  for (const { name, node: below } of node.wild?.values() ?? []) {
    if (matchesStars(name, part)) collect(below, parts, at + 1, found);
  }
}
