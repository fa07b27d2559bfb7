// Inclusion and consistency proofs of RFC 6962 (sections 2.1.1 and 2.1.2): which nodes a proof is made of, and how one
// is checked (RFC 9162, sections 2.1.3.2 and 2.1.4.2).
import { nodeHash } from './merkle.js';

/** The leaves [begin, end) under one node. */
export type Span = readonly [begin: number, end: number];

/** The largest power of two below n, for n > 1. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** PATH(m, D[n]): the nodes that prove leaf `index` of a tree of `size`, from the leaf's sibling up. */
export function inclusionPath(index: number, size: number): Span[] {
  const path: Span[] = [];
  for (let begin = 0, end = size; end - begin > 1; ) {
    const middle = begin + split(end - begin);
    if (index < middle) {
      path.unshift([middle, end]);
      end = middle;
    } else {
      path.unshift([begin, middle]);
      begin = middle;
    }
  }
  return path;
}

/** PROOF(m, D[n]): the nodes that prove the tree of `first` leaves to be a beginning of the one of `second`. */
export function consistencyPath(first: number, second: number): Span[] {
  const path: Span[] = [];
  let [begin, end] = [0, second];
  // The left-most node that is whole in the old tree needs no hash: the verifier has the old root.
  let isKnown = true;
  while (first < end) {
    const middle = begin + split(end - begin);
    if (first <= middle) {
      path.unshift([middle, end]);
      end = middle;
    } else {
      path.unshift([begin, middle]);
      begin = middle;
      isKnown = false;
    }
  }
  if (!isKnown) path.unshift([begin, end]);
  return path;
}

const isHash = (hash: Uint8Array): boolean => hash.length === 32;
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** True when `leaf` is the hash of leaf `index` in the tree of `size` leaves with this root. Sizes below 2^64. */
export function provesInclusion(
  { index, size, leaf, root }: { index: bigint; size: bigint; leaf: Uint8Array; root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (index < 0n || index >= size || !proof.every(isHash)) return false;
  let [fn, sn] = [index, size - 1n];
  let hash = leaf;
  for (const next of proof) {
    if (sn === 0n) return false;
    if (fn % 2n === 1n || fn === sn) {
      hash = nodeHash(next, hash);
      while (fn % 2n === 0n && fn !== 0n) {
        fn /= 2n;
        sn /= 2n;
      }
    } else {
      hash = nodeHash(hash, next);
    }
    fn /= 2n;
    sn /= 2n;
  }
  return sn === 0n && same(hash, root);
}

/** A tree: how many leaves, and its root. */
export interface TreeHead {
  readonly size: bigint;
  readonly root: Uint8Array;
}

/** True when the leaves of `first` are the first ones of `second`. A first tree without leaves proves nothing: false. */
export function provesConsistency(first: TreeHead, second: TreeHead, proof: readonly Uint8Array[]): boolean {
  // Before the sizes are compared: two empty trees with any roots would pass otherwise.
  if (first.size <= 0n || first.size > second.size || !proof.every(isHash)) return false;
  if (first.size === second.size) return proof.length === 0 && same(first.root, second.root);
  const isPower = (first.size & (first.size - 1n)) === 0n;
  const [seed, ...rest] = isPower ? [first.root, ...proof] : proof;
  if (seed === undefined || proof.length === 0) return false;
  let [fn, sn] = [first.size - 1n, second.size - 1n];
  while (fn % 2n === 1n) {
    fn /= 2n;
    sn /= 2n;
  }
  let [old, now] = [seed, seed];
  for (const next of rest) {
    if (sn === 0n) return false;
    if (fn % 2n === 1n || fn === sn) {
      old = nodeHash(next, old);
      now = nodeHash(next, now);
      while (fn % 2n === 0n && fn !== 0n) {
        fn /= 2n;
        sn /= 2n;
      }
    } else {
      now = nodeHash(now, next);
    }
    fn /= 2n;
    sn /= 2n;
  }
  return sn === 0n && same(old, first.root) && same(now, second.root);
}
