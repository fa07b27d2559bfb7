/** Longer than any line the loader makes (argv of 16 KB, escaped and repeated in hex), far below what memory minds. */
export const MAX_LINE = 1 << 20;

/**
 * Cuts a byte stream into lines.
 *
 * The loader writes ASCII only, so the bytes become one-byte strings at once: no decoder state between chunks, and the
 * strings cost a byte a character from here to the log.
 */
export class LineSplitter {
  #rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  /** Hands over every whole line of what has come so far. @returns false when a line is longer than MAX_LINE. */
  push(chunk: Buffer): boolean {
    const text = chunk.toString('latin1');
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      const line = text.slice(from, end);
      // Only the first line is joined: to search in the joined text would copy all of it.
      this.onLine(from === 0 ? this.#rest + line : line);
      from = end + 1;
    }
    this.#rest = from === 0 ? this.#rest + text : text.slice(from);
    return this.#rest.length <= MAX_LINE;
  }

  /** What came after the last LF: the torn line of a writer that died. */
  get rest(): string {
    return this.#rest;
  }
}
