// Reads JSON as Python's json.loads does and writes it as json.dumps(sort_keys=True) would, in one pass from text to
// text. JSON.parse cannot do it: it makes 1.0 into 1, loses integers above 2^53 and drops a key "__proto__". Numbers
// stay tokens here, and objects are Maps.
import { quote, sortKeys } from './canonical.js';

/** CPython's default recursion limit of 1,000 leaves about this many levels to json.loads and json.dumps. */
const MAX_DEPTH = 990;
/** CPython refuses longer integers (sys.int_info.default_max_str_digits). */
const MAX_INT_DIGITS = 4300;

/** Text that json.loads refuses; `message` says why and at which character, counted from 1. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/** The members of an object: key (decoded) to canonical text of the value. Of repeated keys the last counts. */
export type Members = Map<string, string>;

/** The canonical text of any JSON text. @throws JsonError */
export function recanonicalise(text: string): string {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

/** The members of a JSON text that is one object; undefined when it is JSON of another kind. @throws JsonError */
export function readMembers(text: string): Members | undefined {
  const reader = new Reader(text);
  const members = reader.object();
  if (members === undefined) reader.value(0);
  reader.end();
  return members;
}

/** The canonical text of an object. */
export function writeMembers(members: Members): string {
  const keys = sortKeys([...members.keys()]);
  return `{${keys.map((key) => `${quote(key)}: ${members.get(key)}`).join(', ')}}`;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
// Sticky: matches what stands between two characters of a string that need a look.
const PLAIN_RUN = /[ !#-[\]-\uffff]*/y;
const HEX4 = /^[0-9a-fA-F]{4}$/;
const SHORT_ESCAPES = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);
/** Literals, with the three that Python reads and writes although JSON has them not. */
const LITERALS = ['null', 'true', 'false', 'NaN', 'Infinity', '-Infinity'];

class Reader {
  #at = 0;

  constructor(readonly text: string) {}

  /** Reads an object and leaves its members; undefined, and nothing read, where no object begins. */
  object(depth = 0): Members | undefined {
    this.#space();
    if (!this.#take('{')) return undefined;
    const members: Members = new Map();
    this.#space();
    if (this.#take('}')) return members;
    for (;;) {
      if (this.text[this.#at] !== '"') throw this.#wrong('a key in double quotes is missing');
      const key = this.#string();
      this.#space();
      if (!this.#take(':')) throw this.#wrong('":" is missing');
      members.set(key, this.value(depth + 1));
      this.#space();
      if (this.#take('}')) return members;
      if (!this.#take(',')) throw this.#wrong('"," or "}" is missing');
      this.#space();
    }
  }

  /** Reads any value at this depth of nesting and gives its canonical text. */
  value(depth: number): string {
    this.#space();
    const first = this.text[this.#at];
    if (first === '"') return quote(this.#string());
    if (first === '{' || first === '[') {
      if (depth >= MAX_DEPTH) throw this.#wrong(`nested deeper than ${MAX_DEPTH} levels`);
      const members = this.object(depth);
      return members === undefined ? this.#array(depth) : writeMembers(members);
    }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.text);
    if (number) return this.#number(number);
    const literal = LITERALS.find((word) => this.text.startsWith(word, this.#at));
    if (literal === undefined) throw this.#wrong('a value is missing');
    this.#at += literal.length;
    return literal;
  }

  /** Nothing but white space may follow. */
  end(): void {
    this.#space();
    if (this.#at < this.text.length) throw this.#wrong('something follows the value');
  }

  #array(depth: number): string {
    this.#at += 1;
    this.#space();
    if (this.#take(']')) return '[]';
    const items: string[] = [];
    for (;;) {
      items.push(this.value(depth + 1));
      this.#space();
      if (this.#take(']')) return `[${items.join(', ')}]`;
      if (!this.#take(',')) throw this.#wrong('"," or "]" is missing');
    }
  }

  #number([token, fraction, exponent]: RegExpExecArray): string {
    if (fraction === undefined && exponent === undefined) {
      const digits = token.startsWith('-') ? token.length - 1 : token.length;
      if (digits > MAX_INT_DIGITS) throw this.#wrong(`an integer of more than ${MAX_INT_DIGITS} digits`);
    }
    this.#at += token.length;
    if (fraction !== undefined || exponent !== undefined) return pythonFloat(Number(token));
    return token === '-0' ? '0' : token;
  }

  #string(): string {
    this.#at += 1;
    let text = '';
    for (;;) {
      PLAIN_RUN.lastIndex = this.#at;
      text += PLAIN_RUN.exec(this.text)?.[0] ?? '';
      this.#at = PLAIN_RUN.lastIndex;
      if (this.#take('"')) return text;
      if (!this.#take('\\')) {
        throw this.#wrong(
          this.#at < this.text.length ? 'a raw control character in a string' : 'a string does not end',
        );
      }
      text += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.text[this.#at] ?? '';
    if (letter === 'u') {
      const hex = this.text.slice(this.#at + 1, this.#at + 5);
      if (!HEX4.test(hex)) throw this.#wrong('\\u without four hex digits');
      this.#at += 5;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const short = SHORT_ESCAPES.get(letter);
    if (short === undefined) throw this.#wrong('an unknown escape');
    this.#at += 1;
    return short;
  }

  #space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return;
      this.#at += 1;
    }
  }

  #take(character: string): boolean {
    if (this.text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #wrong(what: string): JsonError {
    return new JsonError(`${what} at character ${this.#at + 1}`);
  }
}

/**
 * repr() of a Python float: the shortest digits that read back, which toExponential() gives as well, laid out by
 * Python's rule (Python/pystrtod.c, format 'r'): an exponent below -4 and from 16 on, of at least two digits.
 */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '', power = ''] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}
