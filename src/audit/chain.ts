// How lines hang together: each carries the hash of the one before it, and its own over everything else in it.
import { hash } from 'node:crypto';
import { AgentgovError, EXIT } from '../errors.js';

/** `hash_prev` of the first line of a log. */
export const GENESIS = '0'.repeat(64);

/** The longest line that is written or read, in bytes: four times what a Linux argv can come to by default. */
export const MAX_LINE = 16 * 2 ** 20;

/** Where a chain stands: how many lines it has, and the `hash_self` of the last one (GENESIS when there is none). */
export interface Tip {
  readonly count: number;
  readonly hash: string;
}

/** Lower-case hex SHA-256 of bytes, or of a text's UTF-8 bytes. */
export const sha256 = (data: string | Uint8Array): string => hash('sha256', data);

/** Room for most records: hashing bytes costs half of hashing text, which Node first measures and then copies. */
const scratch = Buffer.alloc(2 ** 14);

/** As `sha256`, of a text in canonical form: it is ASCII, and a character is a byte. */
function sha256OfAscii(text: string): string {
  if (text.length > scratch.length) return sha256(text);
  return sha256(scratch.subarray(0, scratch.write(text, 'latin1')));
}

/** A record in canonical form with its `hash_prev` and `seq`, in two pieces: `hash_self` belongs between them. */
export interface Unsealed {
  /** Up to the closing quote of `hash_prev`. */
  readonly head: string;
  readonly tail: string;
}

/**
 * The finished line for a record. `hash_self` belongs straight behind `hash_prev`, because no other key may begin with
 * `hash_`.
 *
 * @throws AgentgovError (internal) when one does.
 */
export function seal({ head, tail }: Unsealed): { line: string; hash: string } {
  if (tail.startsWith(', "hash_')) throw notALine(head + tail);
  const own = sha256OfAscii(head + tail);
  return { line: `${head}, "hash_self": "${own}"${tail}`, hash: own };
}

const PREV = '"hash_prev": ""';
const SEQ = '"seq": 0';

/**
 * Puts a record behind `tip` whose text is a template: in canonical form, with `"hash_prev": ""` and `"seq": 0` as
 * placeholders and no `hash_self`.
 *
 * The two placeholders are found as text, without parsing, and that is safe: inside a JSON string every quote has a
 * backslash before it, so `"hash_prev"` with two bare quotes is a whole string, and with `: ` behind it a key. A record
 * is flat, so there is one such key. (A key that ends in `"hash_prev` would fool it; keys come from the registry.)
 *
 * @throws AgentgovError (internal) when the template is not one.
 */
export function fillTemplate(template: string, tip: Tip): Unsealed {
  const prev = template.indexOf(PREV);
  const seq = template.indexOf(SEQ, prev + PREV.length);
  if (prev < 0 || seq < 0) throw notALine(template);
  return {
    head: `${template.slice(0, prev)}"hash_prev": "${tip.hash}"`,
    tail: `${template.slice(prev + PREV.length, seq)}"seq": ${tip.count + 1}${template.slice(seq + SEQ.length)}`,
  };
}

const notALine = (text: string): AgentgovError =>
  new AgentgovError(`not the template of an audit line: ${text.slice(0, 200)}`, EXIT.internal);
