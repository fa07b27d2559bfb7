// The Merkle tree over a log, grown by reading the file: whoever appends to it has nothing to do with that.
import { LF, type Readable, readBlocks } from './blocks.js';
import { type LeafRange, packedLeaf } from './merkle.js';

export class TreeReader {
  /** `range`: the leaves before byte `offset` of the file. */
  constructor(
    private readonly file: Readable,
    readonly range: LeafRange,
    private position: number,
  ) {}

  /** Bytes of the file that are in the tree. */
  get offset(): number {
    return this.position;
  }

  /** Adds leaves that were made elsewhere, of the lines up to byte `offset`. */
  adopt(leaves: LeafRange, offset: number): void {
    this.range.append(leaves);
    this.position = offset;
  }

  /**
   * Adds lines until the tree has `size` leaves. `end`: bytes of the file that are whole lines. `onLine` sees each line,
   * without its LF, when it is in the tree.
   *
   * @throws Error when the file has fewer lines.
   */
  async advance(size: number, end: number, onLine: (line: Buffer) => void = () => {}): Promise<void> {
    if (this.range.end >= size) return;
    for await (const { bytes } of readBlocks(this.file, this.position, end)) {
      for (let at = 0; at < bytes.length && this.range.end < size; ) {
        const next = bytes.indexOf(LF, at);
        const line = bytes.subarray(at, next);
        this.range.add(packedLeaf(line));
        onLine(line);
        this.position += next + 1 - at;
        at = next + 1;
      }
      if (this.range.end === size) return;
    }
    throw new Error(`the log has ${this.range.end} lines where it should have ${size}`);
  }
}
