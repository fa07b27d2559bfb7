// The fast half of verification: decides on the bytes alone whether a line is in canonical form, without building
// objects. It says yes only where that is certain and the record is plain (ASCII keys without escapes, integers, no
// nesting but arrays of plain values); for all other lines python-json.ts decides.
import { LF } from './blocks.js';
import { type Bytes, equals, PLAIN, scanValue, smallInteger } from './scan-value.js';

/** What was found in a line. Positions are in the buffer; those of the two hashes are inside their quotes. */
export interface Found {
  /** The line end's position. */
  end: number;
  seq: number;
  prevAt: number;
  selfAt: number;
  /** The value of `count`, 0 without one. */
  count: number;
  /** `event_type` and `action` as they are spelled between their quotes; empty where there is no such string. */
  type: string;
  action: string;
  /** How many members there are; the value of each is from places[2i] up to places[2i + 1], as far as there is room. */
  members: number;
  readonly places: Int32Array;
}

/** Members whose places are kept. */
export const MOST_PLACES = 64;

export const nothingFound = (): Found => ({
  end: 0,
  seq: 0,
  prevAt: 0,
  selfAt: 0,
  count: 0,
  type: '',
  action: '',
  members: 0,
  places: new Int32Array(2 * MOST_PLACES),
});

const [SPACE, QUOTE, COMMA, COLON, OPEN, CLOSE] = [0x20, 0x22, 0x2c, 0x3a, 0x7b, 0x7d];

export const HASH_LENGTH = 64;
/** From the comma before `"hash_self"` to its closing quote: what the hash leaves out, and how far before the value. */
export const SELF_HEAD = ', "hash_self": "'.length;
export const SELF_CUT = SELF_HEAD + HASH_LENGTH + '"'.length;

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const [ACTION, COUNT, EVENT_TYPE] = [bytes('action'), bytes('count'), bytes('event_type')];
const [HASH_PREV, HASH_SELF, SEQ] = [bytes('hash_prev'), bytes('hash_self'), bytes('seq')];

const FIRST = new Uint8Array(256);
for (const key of [ACTION, COUNT, EVENT_TYPE, HASH_PREV, SEQ]) FIRST[key[0] as number] = 1;

/**
 * True when a canonical record with all three chain fields begins at `start` and ends with LF; `found` is filled then.
 * What stands in the two hashes is not looked at, only that it is 64 bytes between quotes: whoever asks compares them
 * with hashes that are right. The buffer must hold an LF from `start` on.
 */
export function scanLine(line: Bytes, start: number, found: Found): boolean {
  const b = line.each;
  let at = start;
  if (b[at] !== OPEN || b[at + 1] !== QUOTE) return false;
  at += 1;
  let lastKey = 0;
  let lastKeyEnd = -1;
  found.prevAt = found.selfAt = found.seq = found.count = found.members = 0;
  found.type = found.action = '';
  for (;;) {
    if (b[at] !== QUOTE) return false;
    const key = at + 1;
    at = key;
    while (PLAIN[b[at] as number] === 1) at += 1;
    const keyEnd = at;
    if (b[at] !== QUOTE || b[at + 1] !== COLON || b[at + 2] !== SPACE) return false;
    if (lastKeyEnd >= 0 && !rises(b, lastKey, lastKeyEnd, key, keyEnd)) return false;
    lastKey = key;
    lastKeyEnd = keyEnd;
    const value = at + 3;
    const skips = keyEnd - key === HASH_PREV.length && b[key] === HASH_PREV[0] && isHash(b, key);
    at = skips ? value + HASH_LENGTH + 2 : scanValue(line, value);
    if (at < 0) return false;
    if (!note(b, key, keyEnd, value, at, found)) return false;
    if (b[at] === COMMA && b[at + 1] === SPACE) {
      at += 2;
      continue;
    }
    if (b[at] !== CLOSE || b[at + 1] !== LF) return false;
    found.end = at + 1;
    return found.prevAt > 0 && found.selfAt > 0 && found.seq > 0;
  }
}

const isHash = (b: Uint8Array, key: number): boolean => equals(b, key, HASH_PREV) || equals(b, key, HASH_SELF);

/** Keeps what is needed of one member; false where that value is none of a canonical record's. */
function note(b: Buffer, key: number, keyEnd: number, value: number, end: number, found: Found): boolean {
  // What is written behind the last place is ignored.
  found.places[2 * found.members] = value;
  found.places[2 * found.members + 1] = end;
  found.members += 1;
  // Of all first letters only these begin a key that matters.
  if (FIRST[b[key] as number] === 0) return true;
  switch (keyEnd - key) {
    case 3:
      if (equals(b, key, SEQ)) {
        found.seq = smallInteger(b, value, end);
        return found.seq > 0;
      }
      return true;
    case 5:
      if (equals(b, key, COUNT)) found.count = smallInteger(b, value, end);
      return true;
    case 6:
      if (equals(b, key, ACTION)) found.action = stringAt(b, value, end);
      return true;
    case 9:
      if (equals(b, key, HASH_PREV)) {
        found.prevAt = value + 1;
        return b[value] === QUOTE && b[end - 1] === QUOTE;
      }
      if (equals(b, key, HASH_SELF)) {
        found.selfAt = value + 1;
        // With hash_prev before it there is a comma before it.
        return found.prevAt > 0 && b[value] === QUOTE && b[end - 1] === QUOTE;
      }
      return true;
    case 10:
      if (equals(b, key, EVENT_TYPE)) found.type = stringAt(b, value, end);
      return true;
    default:
      return true;
  }
}

const stringAt = (b: Buffer, value: number, end: number): string =>
  b[value] === QUOTE ? b.toString('latin1', value + 1, end - 1) : '';

/** True when the key in [b1, b1End) sorts strictly after the one in [a1, a1End). */
function rises(b: Uint8Array, a1: number, a1End: number, b1: number, b1End: number): boolean {
  let [left, right] = [a1, b1];
  while (left < a1End && right < b1End) {
    const difference = (b[right] as number) - (b[left] as number);
    if (difference !== 0) return difference > 0;
    left += 1;
    right += 1;
  }
  return b1End - b1 > a1End - a1;
}
