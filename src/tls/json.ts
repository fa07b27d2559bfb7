/** Values and nesting of a document. A byte of JSON can become fifty of memory, so what is parsed is counted first. */
const VALUES_MAX = 200_000;
const DEPTH_MAX = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

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
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (inString) {
      if (unit === BACKSLASH) at += 1;
      else if (unit === QUOTE) inString = false;
    } else if (unit === QUOTE) inString = true;
    else if (unit === COMMA) values += 1;
    else if (OPEN.has(unit)) {
      depth += 1;
      values += 1;
      if (depth > DEPTH_MAX) return false;
    } else if (CLOSE.has(unit)) depth -= 1;
    if (values > VALUES_MAX) return false;
  }
  return true;
}

/** The document, or undefined where it is no JSON, or so deep or of so many values that nobody writes it in earnest. */
export function parseJson(text: string): unknown {
  if (!isModest(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
