// The channel between guest and host: lines on a serial port that only the guest's main program writes to.
//
//   line = NONCE " " first 8 hex digits of SHA-256(JSON) " " JSON, ASCII only
//
// A stray byte (a kernel message, a test that opens the port) cannot become a result: the nonce is of this boot, and a
// line that does not match its digest is reported as damaged instead of being believed.
import { createHash } from 'node:crypto';

const digest = (text) => createHash('sha256').update(text).digest('hex').slice(0, 8);

const escapeCharacter = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

export function encodeFrame(nonce, message) {
  const text = JSON.stringify(message).replace(/[^\x20-\x7e]/g, escapeCharacter);
  return `${nonce} ${digest(text)} ${text}\n`;
}

/** The message in a line, undefined when there is none of ours; throws on one that is ours and damaged. */
export function decodeFrame(nonce, line) {
  // Anywhere in the line: a stray write before it may have had no end of line.
  const start = line.indexOf(`${nonce} `);
  if (start < 0) return undefined;
  const [mark, text] = [
    line.slice(start + nonce.length + 1, start + nonce.length + 9),
    line.slice(start + nonce.length + 10),
  ];
  if (mark !== digest(text)) throw new Error('a damaged line on the serial port');
  return JSON.parse(text);
}
