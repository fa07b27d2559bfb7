import type { Chunk } from './chunk.js';

/** What may wait for bytes that come too late to be in order; then those are taken for lost. */
const WAITING_BYTES = 256 * 1024;
const WAITING_CHUNKS = 1024;
const WAITING_US = 250_000;

export interface OrderEvents {
  /** The next bytes of their direction. `isCall`: they are the first of a call of the library. */
  bytes(chunk: Chunk, bytes: Buffer, isCall: boolean): void;
  /** So many bytes before this chunk will not come. */
  gap(chunk: Chunk, length: number): void;
}

type Direction = Chunk['direction'];

/**
 * Puts the chunks of a connection in order, each direction by its offsets and the two as they came, and says what is
 * missing. It never guesses: while a direction waits for late bytes, the other one waits for it.
 */
export class Order {
  /** Where the next byte of a direction belongs, and whether a call begins with it. */
  readonly #next: Record<Direction, number> = { in: 0, out: 0 };
  readonly #isCall: Record<Direction, boolean> = { in: true, out: true };
  /** In the order in which they came; the first of them lacks what should come before it. */
  readonly #waiting: Chunk[] = [];
  #waitingBytes = 0;

  constructor(private readonly events: OrderEvents) {}

  push(chunk: Chunk): void {
    if (this.#waiting.length === 0 && this.#isNext(chunk)) {
      this.#take(chunk);
      return;
    }
    this.#waiting.push({ ...chunk, bytes: Buffer.from(chunk.bytes) });
    this.#waitingBytes += chunk.bytes.length;
    this.#settle();
    while (this.#isTooMuch(chunk.ts_us)) this.#giveUp();
  }

  /** There will be no more: what waits is all there is. */
  end(): void {
    while (this.#waiting.length > 0) this.#giveUp();
  }

  #isNext({ direction, offset }: Chunk): boolean {
    return offset <= this.#next[direction];
  }

  #isTooMuch(now: number): boolean {
    const first = this.#waiting[0];
    if (first === undefined) return false;
    const isLong = this.#waiting.length > WAITING_CHUNKS || now - first.ts_us > WAITING_US;
    return isLong || this.#waitingBytes > WAITING_BYTES;
  }

  /** Takes what can be taken: the first that waits, or what it waits for. */
  #settle(): void {
    for (;;) {
      const direction = this.#waiting[0]?.direction;
      const at = this.#waiting.findIndex((chunk) => chunk.direction === direction && this.#isNext(chunk));
      if (at < 0) return;
      const [chunk] = this.#waiting.splice(at, 1);
      this.#waitingBytes -= (chunk as Chunk).bytes.length;
      this.#take(chunk as Chunk);
    }
  }

  /** What the first that waits has waited for is lost. */
  #giveUp(): void {
    const { direction } = this.#waiting[0] as Chunk;
    const first = this.#waiting
      .filter((chunk) => chunk.direction === direction)
      .reduce((lowest, chunk) => (chunk.offset < lowest.offset ? chunk : lowest));
    const missing = first.offset - this.#next[direction];
    this.#next[direction] = first.offset;
    // It may be in the middle of a call whose beginning is lost.
    this.#isCall[direction] = false;
    this.events.gap(first, missing);
    this.#settle();
  }

  #take(chunk: Chunk): void {
    const { direction, offset, bytes, more } = chunk;
    // What was told already is not told again.
    const fresh = bytes.subarray(this.#next[direction] - offset);
    if (fresh.length === 0) return;
    this.#next[direction] += fresh.length;
    const isCall = this.#isCall[direction];
    this.#isCall[direction] = more === 0;
    this.events.bytes(chunk, fresh, isCall);
  }
}
