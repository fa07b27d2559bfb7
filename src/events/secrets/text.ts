import { namedSecrets } from './named.js';
import { judgeName, looksRandom, NAME_MAX } from './names.js';
import { isCommand, isReference, skip, type TextKind, until, wordAt } from './scan.js';
import { shapedSecrets } from './shapes.js';
import type { Span } from './span.js';

/** `scheme://user:password@host`; a user without a password only where it looks like a key. */
function urlSecrets(text: string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(/:\/\/([^\s/?#]*)@/g)) {
    const userinfo = match[1] as string;
    const from = match.index + '://'.length;
    const colon = userinfo.indexOf(':');
    const user = colon < 0 ? userinfo : userinfo.slice(0, colon);
    if (colon >= 0 && colon + 1 < userinfo.length) {
      spans.push({ start: from + colon + 1, end: from + userinfo.length, kind: 'url-password' });
    }
    if (looksRandom(user)) spans.push({ start: from, end: from + user.length, kind: 'url-password' });
  }
  return spans;
}

/**
 * Passwords with a `/`, `?` or `#` in them, which should have been escaped there and often are not. A port may stand before
 * a path with an `@` in it, and is no password.
 */
function* unescapedPasswords(text: string): Generator<Span> {
  // The word that was looked at last: where it ends, and its last `@`.
  let end = 0;
  let at = 0;
  for (const match of text.matchAll(/:\/\/[^\s/?#@:[\]"'`]+:(?![0-9]{0,5}[/?#])(?=[^\s@"'`${/?#]*[/?#])/g)) {
    const start = match.index + match[0].length;
    if (start > end) {
      end = until(text, start, /[\s"'`<>]/);
      at = start + text.slice(start, end).lastIndexOf('@');
    }
    if (at > start) yield { start, end: at, kind: 'url-password' };
  }
}

/** Whether the word after an option that takes a secret is one: no further option, and no file that holds it. */
export function isOptionValue(option: string, value: string): boolean {
  if (value === '' || /^--[A-Za-z]/.test(value) || /^-[A-Za-z]?$/.test(value)) return false;
  const mayNameFile = !/(?:password|passwd|passphrase|pass|token)$/i.test(option);
  return !(mayNameFile && /^(?:[.~]{0,2}\/|@|file:|id=)/.test(value));
}

/** `--password value` inside one text. */
function optionSecrets(text: string, kind: TextKind): Span[] {
  const spans: Span[] = [];
  for (const { 0: option, index } of text.matchAll(/--[A-Za-z0-9][A-Za-z0-9_-]*/g)) {
    const nameEnd = index + option.length;
    const at = skip(text, nameEnd, ' \t\r\n');
    if (at === nameEnd || option.length > NAME_MAX || judgeName(option) !== 'secret') continue;
    const value = wordAt(text, at, kind);
    if (isReference(text, value, kind) || !isOptionValue(option, text.slice(value.start, value.end))) continue;
    spans.push({ ...value, kind: 'password' });
  }
  return spans;
}

function bearerSecrets(text: string): Span[] {
  return [...text.matchAll(/(?<![A-Za-z0-9])bearer[ \t]{1,8}([A-Za-z0-9._~+/=-]{8,})/gi)].map((match) => {
    const end = match.index + match[0].length;
    return { start: end - (match[1] as string).length, end, kind: 'authorization' };
  });
}

/** `machine HOST login NAME password SECRET`, as ~/.netrc has it. */
const netrcSecrets = (text: string): Span[] =>
  [...text.matchAll(/(?<=\slogin[ \t]{1,8}[^\s"']{1,64}\s{1,8}password[ \t]{1,8})[^\s"'$]+/g)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    kind: 'password',
  }));

/** Every secret that one text shows by itself. Linear in its length, whatever it holds. */
export const secretsInText = (text: string, kind: TextKind): Span[] => [
  ...shapedSecrets(text),
  ...urlSecrets(text),
  ...namedSecrets(text, kind),
  ...optionSecrets(text, kind),
  ...(isCommand(kind) ? [...unescapedPasswords(text), ...bearerSecrets(text), ...netrcSecrets(text)] : []),
];
