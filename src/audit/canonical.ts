// The one spelling of an event: Python's json.dumps(event, sort_keys=True), byte for byte. Separators ", " and ": ",
// ASCII only, keys by code point. Not RFC 8785, which differs in separators, escapes and key order.
import type { AgentEvent } from '../events/index.js';
import type { Tip, Unsealed } from './chain.js';

/** Text that json.dumps writes between quotes as it stands: printable ASCII without the quote and the backslash. */
const PLAIN = /^[ !#-[\]-~]*$/;
const SURROGATE = /[\ud800-\udfff]/;

/** A string as json.dumps spells it; every UTF-16 unit outside printable ASCII is escaped, lone surrogates too. */
export function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  // JSON.stringify agrees with Python below 0x7f, and on lone surrogates (ECMA-262 24.5.2.3, lower-case hex).
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Negative, zero or positive as `a` sorts before, with or after `b` in Python, which compares code points. */
function compareCodePoints(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  if (at === a.length || at === b.length) return a.length - b.length;
  // The units differ here; a high surrogate before them, which both share, is part of what is compared.
  const before = at > 0 ? codePoint(a, at - 1) - codePoint(b, at - 1) : 0;
  return before || codePoint(a, at) - codePoint(b, at);
}

const codePoint = (text: string, at: number): number => text.codePointAt(at) ?? 0;

/** Sorts keys in place, as Python does. UTF-16 order, which JavaScript sorts by, differs only where surrogates are. */
export function sortKeys(keys: string[]): string[] {
  return keys.some((key) => SURROGATE.test(key)) ? keys.sort(compareCodePoints) : keys.sort();
}

/** Keys in the order in which an object has them; and the members of its text, with what is written before each. */
interface Shape {
  readonly keys: readonly string[];
  readonly members: ReadonlyArray<{ readonly key: string; readonly before: string }>;
}

const MOST_SHAPES = 32;

/** The shapes of the last events: most have one of a few, and sorting the keys of each is half of the work otherwise. */
class Shapes {
  readonly #known: Shape[] = [];

  /** `added`: members that the text has beside those of the object. */
  constructor(readonly added: readonly string[]) {}

  of(event: AgentEvent): Shape {
    const known = this.#known;
    const keys = Object.keys(event);
    const place = known.findIndex((shape) => hasKeys(shape, keys));
    const shape = known[place] ?? this.#make(keys);
    // What fits moves forward by one, so that those that fit often are found first.
    if (place > 0) [known[place - 1], known[place]] = [shape, known[place - 1] as Shape];
    else if (place < 0) known[Math.min(known.length, MOST_SHAPES - 1)] = shape;
    return shape;
  }

  #make(keys: readonly string[]): Shape {
    const sorted = sortKeys([...new Set([...keys, ...this.added])]);
    return {
      keys,
      members: sorted.map((key, index) => ({ key, before: `${index > 0 ? ', ' : '{'}${quote(key)}: ` })),
    };
  }
}

function hasKeys({ keys }: Shape, others: readonly string[]): boolean {
  if (keys.length !== others.length) return false;
  for (let index = 0; index < keys.length; index += 1) if (keys[index] !== others[index]) return false;
  return true;
}

const plainShapes = new Shapes([]);
const chainedShapes = new Shapes(['hash_prev', 'seq']);

/**
 * The canonical text of one event record, ASCII, without a line end.
 *
 * @throws TypeError naming the field, when a value is none of those that a record may hold (string, boolean, safe
 *   integer, array of strings). A float would be spelled otherwise by other languages, so it never gets into a log.
 */
export function canonical(event: AgentEvent): string {
  let text = '';
  for (const { key, before } of plainShapes.of(event).members) text += before + spell(key, event[key]);
  return text === '' ? '{}' : `${text}}`;
}

/** The same for the record that comes behind `tip`, as `seal` takes it. @throws TypeError as `canonical` */
export function chained(event: AgentEvent, tip: Tip): Unsealed {
  let head = '';
  let text = '';
  for (const { key, before } of chainedShapes.of(event).members) {
    if (key === 'hash_prev') {
      head = `${text}${before}"${tip.hash}"`;
      text = '';
    } else if (key === 'seq') {
      text += before + (tip.count + 1);
    } else {
      text += before + spell(key, event[key]);
    }
  }
  return { head, tail: `${text}}` };
}

function spell(key: string, value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  // `+ 0` turns -0 into 0, which Python's int has not.
  if (Number.isSafeInteger(value)) return String((value as number) + 0);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    return `[${value.map(quote).join(', ')}]`;
  throw new TypeError(`event field ${key} holds what no record may hold (${typeof value})`);
}
