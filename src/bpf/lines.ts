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
    const came = chunk.toString('latin1');
    const text = this.#rest === '' ? came : this.#rest + came;
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.onLine(text.slice(from, end));
      from = end + 1;
    }
    this.#rest = from === 0 ? text : text.slice(from);
    return this.#rest.length <= MAX_LINE;
  }

  /** What came after the last LF: the torn line of a writer that died. */
  get rest(): string {
    return this.#rest;
  }
}
