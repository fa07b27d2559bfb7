// Where in a JSON text something stands. Looked up only where it is wrong, so that reading keeps no places.

export type Step = string | number;

const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const SPACE = /[\s,:]*/y;
const PLAIN = /[^\s,\]}]*/y;
const OPENING = /["[\]{}]/g;

/** Where what the expression matches at this offset ends. */
function behind(expression: RegExp, text: string, offset: number): number {
  expression.lastIndex = offset;
  return expression.test(text) ? expression.lastIndex : offset;
}

/** Where the value that begins here ends. */
function behindValue(text: string, offset: number): number {
  if (text[offset] === '"') return behind(STRING, text, offset);
  if (text[offset] !== '[' && text[offset] !== '{') return behind(PLAIN, text, offset);
  let depth = 0;
  let at = offset;
  do {
    OPENING.lastIndex = at;
    const found = OPENING.exec(text);
    if (found === null) return text.length;
    at = found[0] === '"' ? behind(STRING, text, found.index) : found.index + 1;
    if (found[0] === '[' || found[0] === '{') depth++;
    else if (found[0] !== '"') depth--;
  } while (depth > 0);
  return at;
}

/** Where the value of this key, or with this number, begins in the value that begins here; undefined where it has none. */
function within(text: string, offset: number, step: Step): number | undefined {
  const isMap = text[offset] === '{';
  if (!isMap && text[offset] !== '[') return undefined;
  let at = behind(SPACE, text, offset + 1);
  for (let number = 0; text[at] !== '}' && text[at] !== ']' && at < text.length; number++) {
    let name: unknown = number;
    if (isMap) {
      const end = behindValue(text, at);
      name = JSON.parse(text.slice(at, end));
      at = behind(SPACE, text, end);
    }
    if (name === step) return at;
    at = behind(SPACE, text, behindValue(text, at));
  }
  return undefined;
}

const SCALAR =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a string has none of these
  /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const BLANK = /[ \t\n\r]*/y;

/**
 * Where a text that is no JSON stops being the beginning of one (RFC 8259). V8 says it for some faults only.
 */
export function faultOf(text: string): number {
  const closing: ('}' | ']')[] = [];
  let expected: 'value' | 'key' | 'first' | 'next' = 'value';
  for (let at = behind(BLANK, text, 0); at < text.length; at = behind(BLANK, text, at)) {
    const char = text[at];
    const close = closing.at(-1);
    if (expected === 'next') {
      if (char === close) closing.pop();
      else if (char === ',' && close !== undefined) expected = close === '}' ? 'key' : 'value';
      else return at;
      at++;
    } else if (expected === 'first' && char === close) {
      closing.pop();
      expected = 'next';
      at++;
    } else if (close === '}' && expected !== 'value') {
      const end = char === '"' ? behind(SCALAR, text, at) : at;
      const colon = behind(BLANK, text, end);
      if (end === at || text[colon] !== ':') return end === at ? at : colon;
      expected = 'value';
      at = colon + 1;
    } else if (char === '{' || char === '[') {
      closing.push(char === '{' ? '}' : ']');
      expected = 'first';
      at++;
    } else {
      const end = behind(SCALAR, text, at);
      if (end === at) return at;
      expected = 'next';
      at = end;
    }
  }
  return text.length;
}

/** `LINE:COL`, both from 1, of an offset. */
export function placeOf(text: string, offset: number): string {
  const before = text.lastIndexOf('\n', offset - 1);
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return `${line}:${offset - before}`;
}

/** The same of the value at this path in a text that is JSON; of the nearest one above it where there is none. */
export function placeAt(text: string, path: readonly Step[]): string {
  let at = behind(SPACE, text, 0);
  for (const step of path) {
    const next = within(text, at, step);
    if (next === undefined) break;
    at = next;
  }
  return placeOf(text, at);
}
