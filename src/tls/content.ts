import type { Hmac } from 'node:crypto';
import { type Budget, Pile } from './pile.js';

/** A content that passes by: how long it is, a keyed hash of all of it, and its beginning as far as it may be kept. */
export class Content {
  /** Bytes of it, and whether some of them are missing. */
  bytes = 0;
  hasGap = false;
  readonly #hash: Hmac;
  readonly #kept: Pile;
  #digest: string | undefined;

  /** `most`: bytes to be kept; none for 0. */
  constructor(hash: Hmac, budget: Budget, most: number) {
    this.#hash = hash;
    this.#kept = new Pile(budget, most);
  }

  push(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.#hash.update(bytes);
    this.#kept.push(bytes);
  }

  /** 64 hex digits; it must get no more after that. */
  get hmac(): string {
    this.#digest ??= this.#hash.digest('hex');
    return this.#digest;
  }

  /** What is kept, valid until it is cleared. */
  get kept(): Buffer {
    return this.#kept.bytes;
  }

  /** Whether that is all of it. */
  get isWhole(): boolean {
    return !this.hasGap && this.#kept.length === this.bytes;
  }

  /** Lets go of what is kept. */
  clear(): void {
    this.#kept.clear();
  }
}
