import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Copies `from` to `to` with one byte changed at a random place.
 * @returns {{offset: number, line: number}} which byte (from 0), and the line (from 1) that it belongs to; the LF at the
 *   end of a line belongs to that line
 */
export function flipOneByte(from, to) {
  const bytes = readFileSync(from);
  const offset = randomInt(bytes.length);
  const line = 1 + bytes.subarray(0, offset).filter((byte) => byte === 0x0a).length;
  bytes[offset] ^= randomInt(1, 256);
  writeFileSync(to, bytes, { mode: 0o600 });
  return { offset, line };
}
