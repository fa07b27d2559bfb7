/** What may be kept in memory at once, in bytes. Whoever keeps something takes it from here first. */
export class Budget {
  #left: number;

  /** `whole`: of which this is a part. */
  constructor(
    bytes: number,
    private readonly whole?: Budget,
  ) {
    this.#left = bytes;
  }

  /** @returns false, and nothing is taken, where there is not so much left. */
  take(bytes: number): boolean {
    if (bytes > this.#left || this.whole?.take(bytes) === false) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
    this.whole?.give(bytes);
  }
}

const FIRST = 1024;
/** From about this size on memory is mapped anew for each buffer, and faults once for each page. */
const LARGE = 128 * 1024;

/** The largest buffer that was given back. The next large content takes it: nothing grows then, and nothing is mapped. */
let spare: Buffer | undefined;

/**
 * Bytes that are gathered. They are copied: a slice of a few bytes would keep the whole chunk that it was cut from.
 */
export class Pile {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;
  #overflowed = false;

  /** `most`: more than these bytes are not kept. */
  constructor(
    private readonly budget: Budget,
    private readonly most: number,
  ) {}

  get length(): number {
    return this.#length;
  }

  /** It got more than it may keep; what it holds is the beginning. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /** @returns false once it has overflowed; it keeps what it had. */
  push(bytes: Uint8Array): boolean {
    if (this.#overflowed) return false;
    const length = this.#length + bytes.length;
    if (length > this.most || !this.#reserve(length)) {
      this.#overflowed = true;
      return false;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
    return true;
  }

  /** What has been gathered, valid until the next call. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Forgets everything and gives its memory back; it can be used again. */
  clear(): void {
    this.budget.give(this.#buffer.length);
    if (this.#buffer.length > Math.max(LARGE, spare?.length ?? 0)) spare = this.#buffer;
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    this.#overflowed = false;
  }

  #reserve(length: number): boolean {
    if (length <= this.#buffer.length) return true;
    const larger = (length > LARGE / 2 && this.#spare(length)) || this.#fresh(length);
    larger?.set(this.bytes);
    this.#buffer = larger ?? this.#buffer;
    return larger !== undefined;
  }

  #spare(length: number): Buffer | undefined {
    const kept = spare;
    if (kept === undefined || kept.length < length || kept.length > this.most) return undefined;
    if (!this.budget.take(kept.length - this.#buffer.length)) return undefined;
    spare = undefined;
    return kept;
  }

  #fresh(length: number): Buffer | undefined {
    const size = Math.min(Math.max(FIRST, 2 * this.#buffer.length, length), this.most);
    return this.budget.take(size - this.#buffer.length) ? Buffer.allocUnsafe(size) : undefined;
  }
}
