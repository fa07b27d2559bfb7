/** Values and nesting of a document. A byte of JSON can become fifty of memory, so what is parsed is counted first. */
const VALUES_MAX = 200_000;
const DEPTH_MAX = 256;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** How every document begins (RFC 8259): most bodies that are none need no further look. */
const BEGINNING = /^[ \t\n\r]*[[{"\-\dtfn]/;

export type JsonObject = { [name: string]: unknown };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The member's value where it is a string, a safe integer, an object, a list; else undefined (or an empty list). */
export const stringOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const countOf = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
export const objectOf = (value: unknown): JsonObject | undefined => (isObject(value) ? value : undefined);
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Whether parsing this takes a bounded amount of memory, and whoever walks it a bounded stack. */
function isModest(text: string): boolean {
  let values = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = stringEnd(text, at + 1);
      if (at < 0) return true;
    } else if (unit === COMMA) values += 1;
    else if (unit === OPEN_LIST || unit === OPEN_OBJECT) {
      depth += 1;
      values += 1;
      if (depth > DEPTH_MAX) return false;
    } else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) depth -= 1;
    if (values > VALUES_MAX) return false;
  }
  return true;
}

/** Where the text that begins at `from` has its closing quote; -1 without one. Nearly all of a body is inside of texts. */
function stringEnd(text: string, from: number): number {
  for (let end = text.indexOf('"', from); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = end;
    while (escapes > from && text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1;
    if ((end - escapes) % 2 === 0) return end;
  }
  return -1;
}

/** The document, or undefined where it is no JSON, or so deep or of so many values that nobody writes it in earnest. */
export function parseJson(text: string): unknown {
  if (!BEGINNING.test(text) || !isModest(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
