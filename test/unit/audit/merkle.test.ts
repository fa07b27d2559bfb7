// The tree and its proofs, held against RFC 6962's own rules written down once more, and against known answers.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { LeafRange, leafHash, nodeHash } from '../../../src/audit/merkle.js';
import {
  consistencyPath,
  inclusionPath,
  provesConsistency,
  provesInclusion,
  type Span,
} from '../../../src/audit/proofs.js';
import { random } from '../../scale.js';

const sha = (...parts: Array<string | Uint8Array>): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** RFC 6962, 2.1, word for word. */
function mth(data: Buffer[]): Buffer {
  if (data.length === 0) return sha('');
  if (data.length === 1) return sha(Buffer.of(0), data[0] ?? '');
  let k = 1;
  while (k * 2 < data.length) k *= 2;
  return sha(Buffer.of(1), mth(data.slice(0, k)), mth(data.slice(k)));
}
const leaves = (count: number): Buffer[] => Array.from({ length: count }, (_, index) => Buffer.from(`leaf ${index}`));
function treeOf(data: Buffer[], begin = 0): LeafRange {
  const range = new LeafRange(begin);
  for (const leaf of data) range.add(leafHash(leaf));
  return range;
}
const hashOf = (data: Buffer[], [begin, end]: Span): Buffer => mth(data.slice(begin, end));

// The eight leaves of the reference implementations' tests.
const CT = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  (hex) => Buffer.from(hex, 'hex'),
);

describe('the Merkle tree', () => {
  it('gives the known answers', () => {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    expect(hex(new LeafRange().root())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(hex(leafHash(Buffer.alloc(0)))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    expect(hex(leafHash(Buffer.from('L123456')))).toMatch(/^395aa064.*4d56$/);
    expect(hex(nodeHash(Buffer.from('N123'), Buffer.from('N456')))).toMatch(/^aa217fe8.*6bbb$/);
    expect(hex(treeOf(CT).root())).toMatch(/^5dc9da79.*4328$/);
    expect(hex(treeOf(CT).root())).toBe(
      Buffer.from('XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=', 'base64').toString('hex'),
    );
  });

  it('has the root of the rule at every size, however it is put together', () => {
    const data = leaves(70);
    const draw = random('merkle');
    for (let size = 0; size <= data.length; size += 1) {
      const part = data.slice(0, size);
      expect(Buffer.from(treeOf(part).root())).toEqual(mth(part));
      const joined = new LeafRange();
      for (let at = 0; at < size; ) {
        const to = Math.min(size, at + 1 + Math.floor(draw() * 20));
        joined.append(treeOf(data.slice(at, to), at));
        at = to;
      }
      expect(Buffer.from(joined.root())).toEqual(mth(part));
      expect(LeafRange.from(0, size, joined.toHex())?.toHex()).toEqual(treeOf(part).toHex());
      expect(LeafRange.from(0, size, [...joined.toHex(), 'a'.repeat(64)])).toBeUndefined();
    }
  });

  it('needs two hashes for each level at most', () => {
    const range = new LeafRange(2 ** 40 - 3);
    for (let index = 0; index < 1000; index += 1) range.add(leafHash(Buffer.of(1)));
    expect(range.toHex().length).toBeLessThan(20);
    expect(() => range.root()).toThrow(RangeError);
    expect(() => range.append(new LeafRange(5))).toThrow(RangeError);
  });
});

describe('proofs', () => {
  const data = leaves(33);

  it('of inclusion hold for every leaf of every size, and for nothing else', () => {
    for (let size = 1; size <= 33; size += 1) {
      const root = mth(data.slice(0, size));
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionPath(index, size).map((span) => hashOf(data, span));
        const claim = { index: BigInt(index), size: BigInt(size), leaf: leafHash(data[index] ?? Buffer.of()), root };
        expect(provesInclusion(claim, proof)).toBe(true);
        for (const wrong of [
          { ...claim, index: claim.index + 1n },
          { ...claim, index: claim.index ^ 2n },
          { ...claim, size: claim.size * 2n },
          { ...claim, leaf: root.subarray(1) },
          { ...claim, root: sha('') },
          { ...claim, index: -1n },
        ]) {
          expect(provesInclusion(wrong, proof), `${size} ${index}`).toBe(false);
        }
        expect(provesInclusion(claim, [...proof, root])).toBe(false);
        if (proof.length > 0) expect(provesInclusion(claim, proof.slice(1))).toBe(false);
        if (proof.length > 0) expect(provesInclusion(claim, proof.toSpliced(0, 1, Buffer.alloc(31)))).toBe(false);
      }
    }
  });

  it('of consistency hold for every pair of sizes, and for nothing else', () => {
    for (let second = 1; second <= 33; second += 1) {
      for (let first = 1; first <= second; first += 1) {
        const proof = consistencyPath(first, second).map((span) => hashOf(data, span));
        const [old, now] = [first, second].map((size) => ({ size: BigInt(size), root: mth(data.slice(0, size)) }));
        if (!old || !now) throw new Error('no heads');
        expect(provesConsistency(old, now, proof), `${first} ${second}`).toBe(true);
        expect(provesConsistency({ ...old, root: sha('x') }, now, proof)).toBe(false);
        expect(provesConsistency(old, { ...now, root: sha('x') }, proof)).toBe(false);
        expect(provesConsistency({ ...old, size: 0n }, now, proof)).toBe(false);
        expect(provesConsistency(old, { ...now, size: now.size * 2n }, proof)).toBe(false);
        expect(provesConsistency(old, now, [...proof, now.root])).toBe(false);
        if (proof.length > 0) expect(provesConsistency(old, now, proof.slice(0, -1))).toBe(false);
      }
    }
    expect(provesConsistency({ size: 0n, root: sha('a') }, { size: 0n, root: sha('a') }, [])).toBe(false);
  });

  it('agree with the reference implementation about 1 leaf in 8', () => {
    const bytes = (text: string) => Buffer.from(text, 'base64');
    const old = { size: 1n, root: bytes('bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=') };
    const now = { size: 8n, root: bytes('XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=') };
    const proof = [
      'lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=',
      'Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=',
      'a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=',
    ].map(bytes);
    expect(provesConsistency(old, now, proof)).toBe(true);
    expect(consistencyPath(1, 8).map((span) => hashOf(CT, span))).toEqual(proof);
    expect(provesInclusion({ index: 0n, size: 8n, leaf: old.root, root: now.root }, proof)).toBe(true);
    // Beyond 2^53, where a double would round.
    expect(
      provesInclusion({ index: 2n ** 64n - 1n, size: 2n ** 64n - 1n, leaf: old.root, root: now.root }, proof),
    ).toBe(false);
  });
});
