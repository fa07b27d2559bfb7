// Lines of a log are much alike. A line that differs from one in canonical form only in its values, each of them
// canonical as well, is in canonical form itself: so what is the same needs no parsing, eight bytes are compared at a
// time, and only the values that vary are read. What is learned here decides how fast a line is judged, never how.
import { type Found, HASH_LENGTH, MOST_PLACES, scanLine } from './scan.js';
import { type Bytes, bytesOf, equals, scanValue, smallInteger } from './scan-value.js';

/** Templates that are kept; more would cost more to try than they save. */
const MOST_TEMPLATES = 16;
/** Longer lines are not worth a copy. */
const LONGEST = 8192;
/** Lines that must have fitted a template before another is made; and how many may be made before any has. */
const PRICE = 64;
const ADVANCE = 256;

/** As `scanLine`, and faster from line to line. */
export class Templates {
  /** Those that fit more often come first. */
  readonly #known: Template[] = [];
  #credit = ADVANCE * PRICE;

  scan(bytes: Bytes, start: number, found: Found): boolean {
    const known = this.#known;
    for (let index = 0; index < known.length; index += 1) {
      const template = known[index] as Template;
      if (!template.fits(bytes, start, found)) continue;
      if (index > 0) {
        known[index] = known[index - 1] as Template;
        known[index - 1] = template;
      }
      this.#credit = Math.min(this.#credit + 1, ADVANCE * PRICE);
      return true;
    }
    if (!scanLine(bytes, start, found)) return false;
    if (this.#credit >= PRICE && found.members <= MOST_PLACES && found.end - start < LONGEST) {
      this.#credit -= PRICE;
      this.#learn(bytes, start, found);
    }
    return true;
  }

  #learn({ each }: Bytes, start: number, found: Found): void {
    const line = Buffer.from(each.subarray(start, found.end + 1));
    const places = found.places.slice(0, 2 * found.members).map((place) => place - start);
    const { type, action } = found;
    if (this.#known.some((template) => template.widen(line, places))) return;
    if (this.#known.length === MOST_TEMPLATES) this.#known.pop();
    this.#known.push(new Template(line, places, type, action));
  }
}

/** What stands behind a piece of a template. */
const [VALUE, HASH_PREV, HASH_SELF, SEQ, COUNT, LINE_END] = [0, 1, 2, 3, 4, 5];
const HOLES = new Map([
  ['hash_prev', HASH_PREV],
  ['hash_self', HASH_SELF],
  ['seq', SEQ],
  ['count', COUNT],
]);
/** Members that are the same in all lines of a template. */
const FIXED = new Set(['action', 'event_type']);

/** Bytes that are the same in all lines of a template. */
class Piece {
  readonly #short: Uint8Array;
  /** The same, by eight; the last eight may overlap those before them. */
  readonly #words: Float64Array;

  constructor(
    text: Buffer,
    readonly hole: number,
  ) {
    this.#short = text.length < 8 ? text : new Uint8Array();
    const { words } = bytesOf(text);
    this.#words = new Float64Array(Math.ceil((text.length - this.#short.length) / 8));
    this.#words.forEach((_, index, all) => {
      all[index] = words.getFloat64(Math.min(8 * index, text.length - 8), true);
    });
    this.length = text.length;
  }

  readonly length: number;

  /**
   * Compares as floating point numbers, the only ones of eight bytes that JavaScript has at hand. That is exact: these
   * bytes are ASCII without DEL, so as numbers they are neither zero nor NaN, and only the same bits are equal to them.
   */
  stands({ each, words }: Bytes, at: number): boolean {
    const last = at + this.length - 8;
    if (last < at) return equals(each, at, this.#short);
    if (last + 8 > each.length) return false;
    const own = this.#words;
    let place = at;
    for (let index = 0; place < last; index += 1) {
      if (words.getFloat64(place, true) !== own[index]) return false;
      place += 8;
    }
    return words.getFloat64(last, true) === own[own.length - 1];
  }
}

/** A canonical line with holes in the place of some values. */
class Template {
  /** Members that have been seen to vary. */
  readonly #holes = new Set<number>();
  readonly #keys: readonly string[];
  #pieces: Piece[] = [];

  /** `places`: where each value begins and ends. */
  constructor(
    readonly line: Buffer,
    readonly places: Int32Array,
    readonly type: string,
    readonly action: string,
  ) {
    this.#keys = keysOf(line, places);
    this.#cut();
  }

  /** Fills `found`, but for its members, when the line that begins at `start` is this one with other values. */
  fits(bytes: Bytes, start: number, found: Found): boolean {
    const pieces = this.#pieces;
    let at = start;
    found.count = 0;
    for (let index = 0; index < pieces.length; index += 1) {
      const piece = pieces[index] as Piece;
      if (!piece.stands(bytes, at)) return false;
      at += piece.length;
      switch (piece.hole) {
        case HASH_PREV:
          found.prevAt = at;
          at += HASH_LENGTH;
          break;
        case HASH_SELF:
          found.selfAt = at;
          at += HASH_LENGTH;
          break;
        case LINE_END:
          found.end = at - 1;
          break;
        default: {
          const value = at;
          at = scanValue(bytes, value);
          if (at < 0) return false;
          if (piece.hole === SEQ) found.seq = smallInteger(bytes.each, value, at);
          else if (piece.hole === COUNT) found.count = smallInteger(bytes.each, value, at);
        }
      }
    }
    found.type = this.type;
    found.action = this.action;
    return found.seq > 0;
  }

  /** Makes this fit another line as well; false where that has other members, or another of those that are fixed. */
  widen(line: Buffer, places: Int32Array): boolean {
    if (places.length !== this.places.length) return false;
    const keys = keysOf(line, places);
    const varying: number[] = [];
    for (const [index, key] of keys.entries()) {
      if (key !== this.#keys[index]) return false;
      if (valueAt(line, places, index).equals(valueAt(this.line, this.places, index))) continue;
      if (FIXED.has(key)) return false;
      varying.push(index);
    }
    for (const index of varying) this.#holes.add(index);
    this.#cut();
    return true;
  }

  #cut(): void {
    this.#pieces = [];
    let from = 0;
    for (const [index, key] of this.#keys.entries()) {
      const hole = HOLES.get(key) ?? (this.#holes.has(index) ? VALUE : undefined);
      if (hole === undefined) continue;
      // The quotes of a hash are always there.
      const quote = hole === HASH_PREV || hole === HASH_SELF ? 1 : 0;
      this.#pieces.push(new Piece(this.line.subarray(from, (this.places[2 * index] ?? 0) + quote), hole));
      from = (this.places[2 * index + 1] ?? 0) - quote;
    }
    this.#pieces.push(new Piece(this.line.subarray(from), LINE_END));
  }
}

const valueAt = (line: Buffer, places: Int32Array, index: number): Buffer =>
  line.subarray(places[2 * index], places[2 * index + 1]);

/** The keys of a line's members, which stand between the values: `{"key": ` or `, "key": `. */
const keysOf = (line: Buffer, places: Int32Array): string[] =>
  Array.from({ length: places.length / 2 }, (_, index) => {
    const before = index === 0 ? 0 : (places[2 * index - 1] ?? 0) + 1;
    return line.toString('latin1', before + 2, (places[2 * index] ?? 0) - 3);
  });
