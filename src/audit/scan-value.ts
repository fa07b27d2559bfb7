// Where a value ends whose spelling is canonical, by its bytes alone: a string, an integer of few digits, a literal, or
// an array of those.

/** Bytes as they are read here: one at a time, or several. */
export interface Bytes {
  readonly each: Buffer;
  readonly words: DataView;
}

export const bytesOf = (buffer: Buffer): Bytes => ({
  each: buffer,
  words: new DataView(buffer.buffer, buffer.byteOffset, buffer.length),
});

const [SPACE, QUOTE, COMMA, MINUS, ZERO, NINE] = [0x20, 0x22, 0x2c, 0x2d, 0x30, 0x39];
const [OPEN_LIST, BACKSLASH, CLOSE_LIST] = [0x5b, 0x5c, 0x5d];
/** Digits that surely make a safe integer; longer ones are the slow path's. */
const SAFE_DIGITS = 15;

const letters = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const [TRUE, FALSE, NULL] = [letters('true'), letters('false'), letters('null')];

/** 1 for what stands in a string as it is: printable ASCII without the quote and the backslash. */
export const PLAIN = new Uint8Array(256).map((_, byte) =>
  byte >= SPACE && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
);
/** Value of a lower-case hex digit; 255 for other bytes. */
const HEX = new Uint8Array(256).map((_, byte) => '0123456789abcdef'.indexOf(String.fromCharCode(byte)));

/**
 * The position behind the value that begins at `start`; -1 where none does that is surely canonical. The buffer must
 * hold an LF behind `start`: no accepted byte is one, so the scan never runs past it.
 */
export function scanValue(bytes: Bytes, start: number): number {
  return bytes.each[start] === OPEN_LIST ? scanList(bytes, start) : scanScalar(bytes, start);
}

function scanScalar(bytes: Bytes, start: number): number {
  const b = bytes.each;
  const first = b[start] as number;
  if (first === QUOTE) return scanString(bytes, start + 1);
  if (first === MINUS || (first >= ZERO && first <= NINE)) return scanInteger(b, start);
  if (equals(b, start, TRUE)) return start + TRUE.length;
  if (equals(b, start, FALSE)) return start + FALSE.length;
  if (equals(b, start, NULL)) return start + NULL.length;
  return -1;
}

function scanString({ each: b, words }: Bytes, start: number): number {
  let at = start;
  for (;;) {
    for (const last = b.length - 4; at <= last; at += 4) {
      const odd = oddOf(words.getInt32(at, true));
      if (odd === 0) continue;
      // The lowest bit that is set is in the first odd byte.
      at += (31 - Math.clz32(odd & -odd)) >> 3;
      break;
    }
    while (PLAIN[b[at] as number] === 1) at += 1;
    if (b[at] === QUOTE) return at + 1;
    if (b[at] !== BACKSLASH) return -1;
    at = scanEscape(b, at + 1);
    if (at < 0) return -1;
  }
}

/**
 * Of four bytes at once: the highest bit of each that is not PLAIN, as far as the first such byte goes. Each byte is
 * below 0x80 and what is added or taken away carries into the next only from one that is not PLAIN itself.
 * With its second bit flipped, the quote comes next to the control characters: both are then below 0x21.
 */
const oddOf = (four: number): number =>
  (((four ^ 0x02020202) - 0x21212121) | ((four ^ 0x5c5c5c5c) - 0x01010101) | (four + 0x01010101)) & 0x80808080;

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

function scanList(bytes: Bytes, start: number): number {
  const b = bytes.each;
  if (b[start + 1] === CLOSE_LIST) return start + 2;
  let at = start + 1;
  for (;;) {
    at = scanScalar(bytes, at);
    if (at < 0) return -1;
    if (b[at] === CLOSE_LIST) return at + 1;
    if (b[at] !== COMMA || b[at + 1] !== SPACE) return -1;
    at += 2;
  }
}

/** The positive integer that fills [start, end); 0 where there is another value. */
export function smallInteger(b: Uint8Array, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at += 1) {
    const byte = b[at] as number;
    if (byte < ZERO || byte > NINE) return 0;
    number = number * 10 + (byte - ZERO);
  }
  return number;
}

/** True when these bytes stand at `start`. */
export function equals(b: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index += 1) if (b[start + index] !== word[index]) return false;
  return true;
}
