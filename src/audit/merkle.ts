// The Merkle tree of RFC 6962 (section 2.1) with SHA-256, built as its leaves come, in memory of O(log n).
import { hash } from 'node:crypto';
import { isHash } from '../untrusted.js';

/** A hash as a string of 32 characters below 256: Node makes those in half the time that it needs for a Buffer. */
export type Packed = string;

/** SHA-256 over nothing: the root of an empty tree. */
const EMPTY: Packed = hash('sha256', '', 'binary');
const NODE = Uint8Array.of(0x01);

/** Room for most leaves, with 0x00 before them: one call is twice as fast as a hash that is fed in two. */
const scratch = Buffer.alloc(2 ** 14);

/** SHA-256(0x00 || data). */
export function packedLeaf(data: Uint8Array): Packed {
  const input = data.length < scratch.length ? scratch.subarray(0, data.length + 1) : Buffer.alloc(data.length + 1);
  input.set(data, 1);
  return hash('sha256', input, 'binary');
}

/** SHA-256(0x00 || data), 32 bytes. */
export const leafHash = (data: Uint8Array): Buffer => unpack(packedLeaf(data));

const unpack = (packed: Packed): Buffer => Buffer.from(packed, 'binary');
const pack = (bytes: Uint8Array): Packed => Buffer.from(bytes).toString('binary');

const pair = Buffer.alloc(65);
pair.set(NODE);
function packedNode(left: Packed, right: Packed): Packed {
  pair.write(left, 1, 'latin1');
  pair.write(right, 33, 'latin1');
  return hash('sha256', pair, 'binary');
}

/** SHA-256(0x01 || left || right), 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + left.length + right.length);
  input.set(NODE);
  input.set(left, 1);
  input.set(right, 1 + left.length);
  return hash('sha256', input, 'buffer');
}

/** A whole subtree: the leaves [begin, begin + 2^level), with begin a multiple of 2^level. */
interface Subtree {
  readonly begin: number;
  readonly level: number;
  readonly hash: Packed;
}

const sizeOf = (level: number): number => 2 ** level;
const isAligned = (begin: number, level: number): boolean => begin % sizeOf(level) === 0;

/**
 * The leaves [begin, end) of a tree as the fewest whole subtrees, at most two for each level. A range from 0 on is a
 * tree. Sizes up to 2^53: bits are counted with arithmetic, for JavaScript's bit operators end at 32.
 */
export class LeafRange {
  readonly #subtrees: Subtree[] = [];
  #end: number;

  constructor(readonly begin = 0) {
    this.#end = begin;
  }

  get end(): number {
    return this.#end;
  }

  /** Adds a leaf by its hash. */
  add(leaf: Uint8Array | Packed): void {
    this.#push({ begin: this.#end, level: 0, hash: typeof leaf === 'string' ? leaf : pack(leaf) });
  }

  /** Adds the range that begins where this one ends. @throws RangeError when it begins elsewhere */
  append(next: LeafRange): void {
    if (next.begin !== this.#end) throw new RangeError(`leaves ${next.begin} do not follow ${this.#end}`);
    for (const subtree of next.#subtrees) this.#push(subtree);
  }

  #push(subtree: Subtree): void {
    this.#end = subtree.begin + sizeOf(subtree.level);
    let right = subtree;
    for (;;) {
      const left = this.#subtrees.at(-1);
      if (left === undefined || left.level !== right.level || !isAligned(left.begin, left.level + 1)) break;
      this.#subtrees.pop();
      right = { begin: left.begin, level: left.level + 1, hash: packedNode(left.hash, right.hash) };
    }
    this.#subtrees.push(right);
  }

  /** MTH of the tree whose leaves these are. @throws RangeError when the range does not begin at 0 */
  root(): Uint8Array {
    if (this.begin !== 0) throw new RangeError('only a range from leaf 0 on has a root');
    return this.#end === 0 ? unpack(EMPTY) : this.fold();
  }

  /** The hash over a range that is a node of the tree (or its right edge): its subtrees, joined from the right. */
  fold(): Uint8Array {
    const hashes = this.#subtrees.map((subtree) => subtree.hash);
    return unpack(hashes.reduceRight((right, left) => packedNode(left, right)));
  }

  /** For `LeafRange.from`: the hashes of the subtrees, in hex, left to right. */
  toHex(): string[] {
    return this.#subtrees.map((subtree) => unpack(subtree.hash).toString('hex'));
  }

  copy(): LeafRange {
    const copy = new LeafRange(this.begin);
    copy.append(this);
    return copy;
  }

  /** The range [begin, end) again from its hashes; undefined when they are not as many as it has subtrees. */
  static from(begin: number, end: number, hashes: readonly string[]): LeafRange | undefined {
    const range = new LeafRange(begin);
    let at = begin;
    for (const text of hashes) {
      if (at >= end || !isHash(text)) return undefined;
      let level = 0;
      while (isAligned(at, level + 1) && at + sizeOf(level + 1) <= end) level += 1;
      range.#subtrees.push({ begin: at, level, hash: pack(Buffer.from(text, 'hex')) });
      at += sizeOf(level);
    }
    range.#end = at;
    return at === end ? range : undefined;
  }
}
