// The lines up to which there is a checkpoint, and the roots there: there may be as many as lines.

/** Bytes of a root. */
const ROOT = 32;

/** Without what is there twice. */
export function ascending(sizes: Iterable<number>): Float64Array {
  const sorted = Float64Array.from(sizes).sort();
  return sorted.filter((size, index) => size !== sorted[index - 1]);
}

export class SignedLines {
  /** The first of `sizes` that is not below the line that was asked for last. */
  #place = 0;
  #roots: Buffer | undefined;
  #hasRoot: Uint8Array | undefined;

  /** `sizes`: ascending. */
  constructor(private readonly sizes: Float64Array) {}

  /** Whether there is a checkpoint of this size; to be asked in the order of the log. */
  has(seq: number): boolean {
    const next = this.sizes[this.#place];
    if (next === undefined || next > seq) return false;
    if (next < seq) this.#place = this.#find(seq);
    return this.sizes[this.#place] === seq;
  }

  /** Keeps the root over the lines up to `seq`, if there is a checkpoint of it. */
  keepRoot(seq: number, root: Uint8Array): void {
    const index = this.#find(seq);
    if (this.sizes[index] !== seq) return;
    this.#roots ??= Buffer.alloc(ROOT * this.sizes.length);
    this.#hasRoot ??= new Uint8Array(this.sizes.length);
    this.#roots.set(root, ROOT * index);
    this.#hasRoot[index] = 1;
  }

  /** The root that was kept; undefined when the log has not (or not yet) got that far. */
  rootAt(seq: number): Uint8Array | undefined {
    const index = this.#find(seq);
    if (this.sizes[index] !== seq || !this.#hasRoot?.[index]) return undefined;
    return this.#roots?.subarray(ROOT * index, ROOT * (index + 1));
  }

  /** Index of the first size that is not below `seq`. */
  #find(seq: number): number {
    let [from, to] = [0, this.sizes.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.sizes[middle] ?? 0) < seq) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
