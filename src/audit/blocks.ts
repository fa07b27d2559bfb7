// Reads a log in blocks of whole lines, in one buffer that is used again and again.
import { MAX_LINE } from './chain.js';

/** What ends a line, and nothing else does. */
export const LF = 0x0a;
const BLOCK = 2 ** 20;

/** What a FileHandle has for reading. */
export interface Readable {
  read(buffer: Buffer, offset: number, length: number, position: number | null): Promise<{ bytesRead: number }>;
}

export interface Block {
  /** Whole lines with their LF; or the rest behind the last LF. Valid until the next block is asked for. */
  readonly bytes: Buffer;
  /** torn: no LF ends it and the file ends there. overlong: its line is longer than MAX_LINE; nothing comes after it.
   * damaged: a packed file that cannot be unpacked from here on. */
  readonly kind: 'lines' | 'torn' | 'overlong' | 'damaged';
}

/**
 * The bytes from `from` up to `to` (exclusive; Infinity reads to the end, and is right for pipes), split at LF alone.
 * Memory is one block, or twice the longest line.
 */
export async function* readBlocks(file: Readable, from: number, to: number): AsyncGenerator<Block> {
  let buffer = Buffer.allocUnsafe(BLOCK);
  let filled = 0;
  let position = from;
  for (;;) {
    const room = Math.min(buffer.length - filled, to - position);
    // Only a bounded read names its place: a pipe has none.
    const { bytesRead } =
      room > 0 ? await file.read(buffer, filled, room, to === Infinity ? null : position) : { bytesRead: 0 };
    if (bytesRead === 0) break;
    position += bytesRead;
    const end = buffer.subarray(filled, filled + bytesRead).lastIndexOf(LF) + 1;
    filled += bytesRead;
    if (end > 0) {
      const whole = filled - bytesRead + end;
      yield { bytes: buffer.subarray(0, whole), kind: 'lines' };
      buffer.copyWithin(0, whole, filled);
      filled -= whole;
    } else if (filled > MAX_LINE) {
      yield { bytes: buffer.subarray(0, filled), kind: 'overlong' };
      return;
    } else if (filled === buffer.length) {
      const larger = Buffer.allocUnsafe(buffer.length * 2);
      buffer.copy(larger, 0, 0, filled);
      buffer = larger;
    }
  }
  if (filled > 0) yield { bytes: buffer.subarray(0, filled), kind: 'torn' };
}

/** Line ends in these bytes. */
export function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) lines += 1;
  return lines;
}
