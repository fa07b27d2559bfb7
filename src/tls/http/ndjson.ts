/** The longest line, in UTF-16 units. */
const LINE_MAX = 1 << 20;

/** Reads lines (of JSON, as streams of `application/x-ndjson` have them) as they come. */
export class LineReader {
  readonly #decoder = new TextDecoder('utf-8');
  #begun = '';
  /** There was a line that was too long; nothing more is read. */
  overflowed = false;

  constructor(private readonly onLine: (line: string) => void) {}

  push(bytes: Uint8Array): void {
    if (this.overflowed) return;
    const [first = '', ...rest] = this.#decoder.decode(bytes, { stream: true }).split('\n');
    const lines = [this.#begun + first, ...rest];
    this.#begun = lines.pop() as string;
    for (const line of lines) this.#tell(line);
    this.overflowed = this.#begun.length > LINE_MAX;
    if (this.overflowed) this.#begun = '';
  }

  /** The stream has ended, maybe without a last line feed. */
  end(): void {
    this.#tell(this.#begun);
    this.#begun = '';
  }

  #tell(line: string): void {
    if (line.trim() !== '') this.onLine(line);
  }
}
