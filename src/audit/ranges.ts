// Reads the lines of a log that begin in a range of its bytes: ranges that follow from each other give each line to
// exactly one of their readers.
import { readSync } from 'node:fs';
import { LF } from './blocks.js';

/** Bytes of a range. */
export const RANGE = 2 ** 20;
/** How far the last line of a range may go on behind it, and the steps in which its end is looked for. */
const MOST_BEHIND = 2 ** 20;
const STEP = 2 ** 16;

export interface Lines {
  /** Where in the file they begin and end; at the same place when none begins in the range. */
  readonly start: number;
  readonly end: number;
  /** The lines, each with its LF. Valid until the next range is read. */
  readonly bytes: Buffer;
}

export class RangeReader {
  readonly #buffer = Buffer.allocUnsafeSlow(1 + RANGE + MOST_BEHIND);

  /**
   * The lines that begin in [from, to), without one that no LF ends; undefined where one is too long for this reader.
   * `fd`: a regular file. `to` is at most RANGE behind `from`.
   */
  read(fd: number, from: number, to: number): Lines | undefined {
    const buffer = this.#buffer;
    // A line begins at `from` when an LF is before it.
    const base = Math.max(from - 1, 0);
    let filled = this.#fill(fd, 0, base, to - base);
    const start = from === 0 ? 0 : buffer.subarray(0, filled).indexOf(LF) + 1;
    if (base + start < from) return { start: to, end: to, bytes: buffer.subarray(0, 0) };
    while (filled > 0 && buffer[filled - 1] !== LF) {
      if (filled === buffer.length) return undefined;
      const more = this.#fill(fd, filled, base + filled, Math.min(STEP, buffer.length - filled));
      if (more === 0) break;
      const place = buffer.subarray(filled, filled + more).indexOf(LF);
      filled += place < 0 ? more : place + 1;
    }
    const end = Math.max(start, buffer.subarray(0, filled).lastIndexOf(LF) + 1);
    return { start: base + start, end: base + end, bytes: buffer.subarray(start, end) };
  }

  /** Returns the number of bytes read: less than `length` only at the end of the file. */
  #fill(fd: number, at: number, position: number, length: number): number {
    let done = 0;
    while (done < length) {
      const bytes = readSync(fd, this.#buffer, at + done, length - done, position + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }
}
