// The one spelling of an event: Python's json.dumps(event, sort_keys=True), byte for byte. Separators ", " and ": ",
// ASCII only, keys by code point. Not RFC 8785, which differs in separators, escapes and key order.
import type { AgentEvent } from '../events/index.js';

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

/** Keys in the order in which an object has them; and each sorted, with what is written before its value. */
interface Shape {
  readonly keys: readonly string[];
  readonly members: ReadonlyArray<{ readonly key: string; readonly before: string }>;
}

/** The shapes of the last events: most events have one of a few, and sorting is half of the work otherwise. */
const shapes: Shape[] = [];
const MOST_SHAPES = 32;

function shapeOf(keys: string[]): Shape {
  const place = shapes.findIndex((known) => hasKeys(known, keys));
  const shape = shapes[place] ?? newShape(keys);
  // What fits moves forward by one, so that those that fit often are found first.
  if (place > 0) [shapes[place - 1], shapes[place]] = [shape, shapes[place - 1] as Shape];
  else if (place < 0) shapes[Math.min(shapes.length, MOST_SHAPES - 1)] = shape;
  return shape;
}

function hasKeys({ keys }: Shape, others: readonly string[]): boolean {
  if (keys.length !== others.length) return false;
  for (let index = 0; index < keys.length; index += 1) if (keys[index] !== others[index]) return false;
  return true;
}

const newShape = (keys: readonly string[]): Shape => ({
  keys,
  members: sortKeys([...keys]).map((key, index) => ({ key, before: `${index > 0 ? ', ' : ''}${quote(key)}: ` })),
});

/**
 * The canonical text of one event record, ASCII, without a line end.
 *
 * @throws TypeError naming the field, when a value is none of those that a record may hold (string, boolean, safe
 *   integer, array of strings). A float would be spelled otherwise by other languages, so it never gets into a log.
 */
export function canonical(event: AgentEvent): string {
  let text = '{';
  for (const { key, before } of shapeOf(Object.keys(event)).members) text += before + spell(key, event[key]);
  return `${text}}`;
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
