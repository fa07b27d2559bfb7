// Bytes as text that says exactly which they were.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** A backslash that could be taken for one of ours. */
const LOOKS_ESCAPED = /\\(?=x[0-9a-fA-F]{2})/g;

/**
 * The bytes as text: one that is not valid UTF-8 is `\xNN`, a backslash before `xNN` is `\x5c`. `hex` are the bytes where
 * the text had to change any.
 */
export function textOfBytes(bytes: Uint8Array): { text: string; hex?: string } {
  const plain = decode(bytes);
  const text = plain?.replace(LOOKS_ESCAPED, '\\x5c') ?? pieces(bytes).join('');
  return text === plain ? { text } : { text, hex: Buffer.from(bytes).toString('hex') };
}

/** The bytes that `textOfBytes` was given. */
export const bytesOfText = (text: string, hex: string | undefined): Buffer =>
  hex === undefined ? Buffer.from(text) : Buffer.from(hex, 'hex');

function decode(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Stretches of valid UTF-8, and the bytes between them. */
function pieces(bytes: Uint8Array): string[] {
  const found: string[] = [];
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceAt(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    found.push(valid(bytes.subarray(start, at)), `\\x${(bytes[at] as number).toString(16).padStart(2, '0')}`);
    at += 1;
    start = at;
  }
  found.push(valid(bytes.subarray(start)));
  return found;
}

const valid = (bytes: Uint8Array): string => UTF8.decode(bytes).replace(LOOKS_ESCAPED, '\\x5c');

/** Length of the valid sequence that begins here; 0 where there is none (Unicode 15, table 3-7). */
function sequenceAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (lead > 0xf4 || at + length > bytes.length) return 0;
  for (let index = 1; index < length; index += 1) {
    const byte = bytes[at + index] as number;
    // No overlong forms, no surrogates, nothing above U+10FFFF.
    const low = index > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = index > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return 0;
  }
  return length;
}
