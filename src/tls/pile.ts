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

/**
 * Bytes that are gathered. They are copied: a slice of a few bytes would keep the whole chunk that it was cut from.
 */
export class Pile {
  #buffer = Buffer.alloc(0);
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
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    this.#overflowed = false;
  }

  #reserve(length: number): boolean {
    if (length <= this.#buffer.length) return true;
    const size = Math.min(Math.max(FIRST, 2 * this.#buffer.length, length), this.most);
    if (!this.budget.take(size - this.#buffer.length)) return false;
    const larger = Buffer.allocUnsafe(size);
    larger.set(this.bytes);
    this.#buffer = larger;
    return true;
  }
}
