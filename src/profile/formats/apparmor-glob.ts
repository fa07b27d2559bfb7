// Path patterns in the language of AppArmor (apparmor.d(5), "Globbing"; 3.0), for between double quotes.
import type { PathPattern } from '../../policy/index.js';

/** Bytes that mean themselves everywhere in AppArmor's language. */
const PLAIN = /[A-Za-z0-9._+:=~%@-]/;

/** The bytes behind the spelling of the event record: `\xNN` is a byte, any other backslash itself. */
function bytesOf(text: string): Buffer {
  const parts = text.split(/(\\x(?:[89a-f][0-9a-f]|5c))/i);
  return Buffer.concat(parts.map((part, at) => (at % 2 === 1 ? Buffer.from(part.slice(2), 'hex') : Buffer.from(part))));
}

/** Everything else as `\ooo`, which is never special: not quotes, not braces, not the end of a line. */
export const literal = (text: string): string =>
  [...bytesOf(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return PLAIN.test(char) ? char : `\\${byte.toString(8).padStart(3, '0')}`;
    })
    .join('');

// There `*` may be nothing, `**` is any text, and folders end in `/`. So a component that is all star is `?*`, components
// in any number are an alternative of nothing and `**` with its slash, and everything may have a `/` behind it.

/** A pattern that matches the same paths. */
export function glob({ components }: PathPattern): string {
  const isFolder = components.at(-1) === 'any';
  const names = isFolder ? components.slice(0, -1) : components;
  const spelled = names.map((name, at) => {
    if (name === 'any') return '{,**/}';
    const stars = name.map(literal).join('*').replace(/^\*$/, '?*');
    return at === names.length - 1 ? stars : `${stars}/`;
  });
  const head = `/${spelled.join('')}`;
  if (!isFolder) return `${head}{,/}`;
  return names.length === 0 ? '/{,**}' : `${head}{,/,/**}`;
}
