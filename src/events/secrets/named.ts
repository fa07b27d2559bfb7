import { isSecretHeader, judgeName, looksRandom } from './names.js';
import {
  isCommand,
  isReference,
  nameStart,
  quoted,
  type Range,
  runsCommand,
  skip,
  type TextKind,
  until,
  wordAt,
  wordEnd,
} from './scan.js';
import type { Span } from './span.js';

/** A value that only might be a secret is not looked at beyond this: what looks random is short, and scans stay linear. */
const WEAK_MAX = 256;

const PARAMETER_END = /[&#;\s"'<>`]/;

/** `name=value`: options, variables, form fields and URL parameters. */
function assignment(whole: string, at: number, kind: TextKind): Span | undefined {
  const from = nameStart(whole, at);
  const judged = judgeName(whole.slice(from, at));
  if (!judged) return undefined;
  const isWeak = judged === 'weak';
  const text = isWeak ? whole.slice(0, at + WEAK_MAX) : whole;
  const isParameter = from > 0 && '?&;'.includes(text[from - 1] as string);
  const find = (): Range => {
    if (isParameter) return { start: at + 1, end: until(text, at + 1, PARAMETER_END) };
    if (kind === 'argument' && from === 0) return { start: at + 1, end: text.length };
    return wordAt(text, at + 1, kind);
  };
  const value = find();
  if (value.end <= value.start || isReference(text, value, kind)) return undefined;
  const isLongParameter = isParameter && value.end - value.start >= 8;
  if (isWeak && !isLongParameter && !looksRandom(text.slice(value.start, value.end))) return undefined;
  return { ...value, kind: isParameter ? 'url-parameter' : 'password' };
}

const SCHEME = /^[A-Za-z][A-Za-z0-9_-]{0,31}[ \t]+(?=\S)/;
const LINE_END = /[\r\n]/;
const COOKIE_END = /[\r\n"'/|<>`]/;

/** Where the value of the header ends that has its name at `from` and its value at `start`. */
function headerEnd(text: string, start: number, from: number, kind: TextKind, isCookie: boolean): number {
  // curl -H 'Authorization: …': the whole argument is the header.
  if (kind === 'argument' && from === 0) return until(text, start, LINE_END);
  const quote = text[from - 1];
  if (isCommand(kind) && (quote === '"' || quote === "'")) {
    const close = text.indexOf(quote, start);
    return close < 0 ? text.length : close;
  }
  return isCookie ? until(text, start, COOKIE_END) : wordEnd(text, start, kind);
}

/** `Header: value`, in a command line also `"Header": "value"`; the scheme of an Authorization stays readable. */
function header(text: string, at: number, nameEnd: number, kind: TextKind): Span | undefined {
  const from = nameStart(text, nameEnd);
  const name = text.slice(from, nameEnd).toLowerCase();
  // "::" is a scope of some language.
  if (!isSecretHeader(name) || text[at + 1] === ':') return undefined;
  const isCookie = name.endsWith('cookie');
  const after = skip(text, at + 1, ' \t');
  const inQuotes = quoted(text, after);
  const value = inQuotes?.start ?? after;
  const scheme = name.endsWith('authorization') ? SCHEME.exec(text.slice(value, value + 64))?.[0].length : 0;
  const start = value + (scheme ?? 0);
  // Asked before its end is looked for, which may be that of the text: one such header after the other is usual in no text.
  if (runsCommand(text, start, kind)) return undefined;
  const end = inQuotes?.end ?? headerEnd(text, start, from, kind, isCookie);
  if (end <= start || isReference(text, { start, end }, kind)) return undefined;
  return { start, end, kind: isCookie ? 'cookie' : 'authorization' };
}

/** `"password": "value"` of a JSON body. */
function jsonMember(text: string, at: number, nameEnd: number): Span | undefined {
  const judged = judgeName(text.slice(nameStart(text, nameEnd), nameEnd));
  if (!judged) return undefined;
  const value = quoted(text, skip(text, at + 1, ' \t\r\n'));
  if (!value || value.end <= value.start) return undefined;
  if (judged === 'weak' && !looksRandom(text.slice(value.start, Math.min(value.end, value.start + WEAK_MAX)))) {
    return undefined;
  }
  return { ...value, kind: 'password' };
}

/** Spaces that a program has before its `=`, or an indented line before its name. */
const SPACES_MAX = 64;

/** `name = "value"`, as programs spell it that stand in a script. */
function statement(text: string, at: number): Span | undefined {
  let nameEnd = at;
  while (text[nameEnd - 1] === ' ' && at - nameEnd < SPACES_MAX) nameEnd--;
  if (nameEnd === at || judgeName(text.slice(nameStart(text, nameEnd), nameEnd)) !== 'secret') return undefined;
  const value = quoted(text, skip(text, at + 1, ' '));
  if (!value || value.end <= value.start || isReference(text, value, 'script')) return undefined;
  return { ...value, kind: 'password' };
}

/** What a value of YAML is that is written out, and no type, no member of something, no call. */
const PLAIN_VALUE = /[^\s"'`(){}[\],;$<>|&*!%@#=:][^\s"'`(){}[\],;$<>|]*(?=[ \t]*(?:#|[\r\n]|$))/y;
const NO_VALUE =
  /^(?:str|string|bytes|int|number|bool|boolean|any|true|false|null|none|~)$|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$/i;

/** `name: value` on a line of its own: YAML that a script writes. */
function yamlMember(text: string, at: number): Span | undefined {
  const from = nameStart(text, at);
  const before = text.slice(Math.max(0, from - SPACES_MAX), from);
  if (!/(?:^|[\r\n])[ \t-]*$/.test(before) || judgeName(text.slice(from, at)) !== 'secret') return undefined;
  const start = skip(text, at + 1, ' \t');
  if (start === at + 1) return undefined;
  const inQuotes = quoted(text, start);
  if (inQuotes) return inQuotes.end > inQuotes.start ? { ...inQuotes, kind: 'password' } : undefined;
  PLAIN_VALUE.lastIndex = start;
  const value = PLAIN_VALUE.exec(text)?.[0];
  if (value === undefined || NO_VALUE.test(value)) return undefined;
  return { start, end: start + value.length, kind: 'password' };
}

/** `name: value`, in a command line also with the name in quotes. */
function member(text: string, at: number, kind: TextKind): Span | undefined {
  if (text[at - 1] !== '"' && text[at - 1] !== "'")
    return header(text, at, at, kind) ?? (kind === 'script' ? yamlMember(text, at) : undefined);
  if (!isCommand(kind)) return undefined;
  let nameEnd = at - 1;
  for (let n = 0; n < 3 && text[nameEnd - 1] === '\\'; n++) nameEnd--;
  return header(text, at, nameEnd, kind) ?? jsonMember(text, at, nameEnd);
}

/** Every value that is secret because of the name before its `=` or `:`. */
export function namedSecrets(text: string, kind: TextKind): Span[] {
  const spans: Span[] = [];
  // What is inside a value is gone with it; looking there again would also make the scan quadratic.
  let done = 0;
  for (const { 0: separator, index: at } of text.matchAll(/[=:]/g)) {
    if (at < done) continue;
    const found =
      separator === ':'
        ? member(text, at, kind)
        : (assignment(text, at, kind) ?? (kind === 'script' ? statement(text, at) : undefined));
    if (found) {
      spans.push(found);
      done = found.end;
    }
  }
  return spans;
}
