// The fast half of verification: decides on the bytes alone whether a line is in canonical form, without building
// objects. It says yes only where that is certain and the record is plain (ASCII keys without escapes, integers, no
// nesting but arrays of plain values); for all other lines python-json.ts decides.
import { LF } from './blocks.js';

/** Where the scanner found things in the buffer. Positions of values are inside the quotes. */
export interface Found {
  /** The line end's position. */
  end: number;
  seq: number;
  prevAt: number;
  /** From the comma before `"hash_self"` to its closing quote: what the hash leaves out. */
  selfCut: number;
  selfAt: number;
  /** The value of `count`, 0 without one. */
  count: number;
  actionAt: number;
  actionEnd: number;
  typeAt: number;
  typeEnd: number;
}

export const nothingFound = (): Found => ({
  end: 0,
  seq: 0,
  prevAt: 0,
  selfCut: 0,
  selfAt: 0,
  count: 0,
  actionAt: 0,
  actionEnd: 0,
  typeAt: 0,
  typeEnd: 0,
});

const [SPACE, QUOTE, COMMA, MINUS, ZERO, NINE, COLON] = [0x20, 0x22, 0x2c, 0x2d, 0x30, 0x39, 0x3a];
const [OPEN_LIST, BACKSLASH, CLOSE_LIST, OPEN, CLOSE] = [0x5b, 0x5c, 0x5d, 0x7b, 0x7d];
const HEX_LENGTH = 64;
/** Digits that surely make a safe integer; longer ones are the slow path's. */
const SAFE_DIGITS = 15;

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const [ACTION, COUNT, EVENT_TYPE] = [bytes('action'), bytes('count'), bytes('event_type')];
const [HASH_PREV, HASH_SELF, SEQ] = [bytes('hash_prev'), bytes('hash_self'), bytes('seq')];
const [TRUE, FALSE, NULL] = [bytes('true'), bytes('false'), bytes('null')];

const FIRST = new Uint8Array(256);
for (const key of [ACTION, COUNT, EVENT_TYPE, HASH_PREV, SEQ]) FIRST[key[0] as number] = 1;

/** 1 for what stands in a string as it is: printable ASCII without the quote and the backslash. */
const PLAIN = new Uint8Array(256).map((_, byte) =>
  byte >= SPACE && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
/** Value of a lower-case hex digit; 255 for other bytes. */
const HEX = new Uint8Array(256).map((_, byte) => '0123456789abcdef'.indexOf(String.fromCharCode(byte)));

/**
 * True when a canonical record with all three chain fields begins at `start` and ends with LF; `found` is filled then.
 * What stands in the two hashes is not looked at, only that it is 64 bytes between quotes: whoever asks compares them
 * with hashes that are right.
 * The buffer must hold an LF somewhere from `start` on: no accepted byte is one, so the scan never runs past it.
 */
export function scanLine(b: Uint8Array, start: number, found: Found): boolean {
  let at = start;
  if (b[at] !== OPEN || b[at + 1] !== QUOTE) return false;
  at += 1;
  let lastKey = 0;
  let lastKeyEnd = -1;
  found.prevAt = found.selfAt = found.seq = found.count = 0;
  found.actionAt = found.actionEnd = found.typeAt = found.typeEnd = 0;
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
    if (keyEnd - key === HASH_PREV.length && b[key] === HASH_PREV[0] && isHash(b, key)) at = value + HEX_LENGTH + 2;
    else at = b[value] === OPEN_LIST ? scanList(b, value) : scanScalar(b, value);
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

/** Keeps what the chain needs of one member; false where that value is none of a canonical record's. */
function note(b: Uint8Array, key: number, keyEnd: number, value: number, end: number, found: Found): boolean {
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
      if (equals(b, key, ACTION) && b[value] === QUOTE) {
        found.actionAt = value + 1;
        found.actionEnd = end - 1;
      }
      return true;
    case 9:
      if (equals(b, key, HASH_PREV)) {
        found.prevAt = value + 1;
        return b[value] === QUOTE && b[end - 1] === QUOTE;
      }
      if (equals(b, key, HASH_SELF)) {
        // With hash_prev before it, which is asked for, it is never the first member: the cut begins at ", ".
        found.selfCut = key - 3;
        found.selfAt = value + 1;
        return found.prevAt > 0 && b[value] === QUOTE && b[end - 1] === QUOTE;
      }
      return true;
    case 10:
      if (equals(b, key, EVENT_TYPE) && b[value] === QUOTE) {
        found.typeAt = value + 1;
        found.typeEnd = end - 1;
      }
      return true;
    default:
      return true;
  }
}

/** The position behind a string, a number or a literal that is in canonical form; -1 otherwise. */
function scanScalar(b: Uint8Array, start: number): number {
  const first = b[start] as number;
  if (first === QUOTE) return scanString(b, start + 1);
  if (first === MINUS || (first >= ZERO && first <= NINE)) return scanInteger(b, start);
  if (equals(b, start, TRUE)) return start + TRUE.length;
  if (equals(b, start, FALSE)) return start + FALSE.length;
  if (equals(b, start, NULL)) return start + NULL.length;
  return -1;
}

function scanString(b: Uint8Array, start: number): number {
  let at = start;
  const last = b.length - 4;
  for (;;) {
    // Four at a time, as far as four are there: one jump for each, not four.
    while (at < last) {
      const isPlain =
        (PLAIN[b[at] as number] as number) &
        (PLAIN[b[at + 1] as number] as number) &
        (PLAIN[b[at + 2] as number] as number) &
        (PLAIN[b[at + 3] as number] as number);
      if (isPlain === 0) break;
      at += 4;
    }
    while (PLAIN[b[at] as number] === 1) at += 1;
    if (b[at] === QUOTE) return at + 1;
    if (b[at] !== BACKSLASH) return -1;
    at = scanEscape(b, at + 1);
    if (at < 0) return -1;
  }
}

/** Short escapes where there is one, else lower-case \uXXXX, and that only for what is not printable ASCII. */
function scanEscape(b: Uint8Array, at: number): number {
  switch (b[at]) {
    case QUOTE:
    case BACKSLASH:
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 1;
    case 0x75: {
      let unit = 0;
      for (let digit = at + 1; digit <= at + 4; digit += 1) {
        const value = HEX[b[digit] as number] as number;
        if (value > 15) return -1;
        unit = unit * 16 + value;
      }
      if (unit >= 0x7f) return at + 5;
      const short = unit === 0x08 || unit === 0x09 || unit === 0x0a || unit === 0x0c || unit === 0x0d;
      return unit < SPACE && !short ? at + 5 : -1;
    }
    default:
      return -1;
  }
}

function scanInteger(b: Uint8Array, start: number): number {
  const digits = b[start] === MINUS ? start + 1 : start;
  let at = digits;
  while ((b[at] as number) >= ZERO && (b[at] as number) <= NINE) at += 1;
  const length = at - digits;
  if (length === 0 || length > SAFE_DIGITS) return -1;
  if (b[digits] === ZERO && (length > 1 || digits > start)) return -1;
  return at;
}

function scanList(b: Uint8Array, start: number): number {
  if (b[start + 1] === CLOSE_LIST) return start + 2;
  let at = start + 1;
  for (;;) {
    at = scanScalar(b, at);
    if (at < 0) return -1;
    if (b[at] === CLOSE_LIST) return at + 1;
    if (b[at] !== COMMA || b[at + 1] !== SPACE) return -1;
    at += 2;
  }
}

/** The positive integer that fills [start, end); 0 where there is another value. */
function smallInteger(b: Uint8Array, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const byte = b[at] as number;
    if (byte < ZERO || byte > NINE) return 0;
    number = number * 10 + (byte - ZERO);
  }
  return number;
}

function equals(b: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index += 1) if (b[start + index] !== word[index]) return false;
  return true;
}

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
