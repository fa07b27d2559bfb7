/** Longer than any line the loader makes (argv of 16 KB, escaped and repeated in hex), far below what memory minds. */
export const MAX_LINE = 1 << 20;

const LF = 10;

export interface Splits {
  /** A whole line without its LF. @returns how many bytes that are no line follow it; none where it returns nothing. */
  line(line: string): number | undefined;
  /** The next of those bytes, a view of what was pushed. `left`: how many of them are still to come. */
  bytes?(bytes: Buffer, left: number): void;
}

/**
 * Cuts a byte stream into lines, and into the bytes that some of them announce.
 *
 * The loader's lines are ASCII only, so they become one-byte strings at once: no decoder state between chunks, and the
 * strings cost a byte a character from here to the log.
 */
export class LineSplitter {
  #rest = '';
  /** Bytes that are announced and not there yet. */
  #wanted = 0;

  constructor(private readonly to: Splits) {}

  /** Hands over all that has come whole so far. @returns false when a line is longer than MAX_LINE. */
  push(chunk: Buffer): boolean {
    for (let at = 0; at < chunk.length; ) {
      if (this.#wanted > 0) {
        at = this.#take(chunk, at);
        continue;
      }
      const end = chunk.indexOf(LF, at);
      if (end === -1) {
        this.#rest += chunk.toString('latin1', at);
        break;
      }
      const line = this.#rest + chunk.toString('latin1', at, end);
      this.#rest = '';
      at = end + 1;
      this.#wanted = this.to.line(line) ?? 0;
    }
    return this.#rest.length <= MAX_LINE;
  }

  /** What came after the last LF: the torn line of a writer that died. */
  get rest(): string {
    return this.#rest;
  }

  #take(chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + this.#wanted);
    this.#wanted -= part.length;
    this.to.bytes?.(part, this.#wanted);
    return at + part.length;
  }
}
