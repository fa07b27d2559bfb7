import { isIPv4, isIPv6 } from 'node:net';
import { PatternError } from './path.js';

/** An address as its bytes, one character each (Latin-1): 4 or 16 of them. Usable as the key of a map. */
export type AddressBytes = string;

/** A CIDR block. `bits` of the address are set, the rest is zero. */
export interface Block {
  readonly bytes: AddressBytes;
  readonly bits: number;
}

const bytesOf = (numbers: readonly number[]): AddressBytes => String.fromCharCode(...numbers);

function parseV6(text: string): number[] {
  // The last 32 bits may be written as IPv4.
  const dotted = text.lastIndexOf(':') + 1;
  const v4 = text.slice(dotted).includes('.') ? text.slice(dotted).split('.').map(Number) : undefined;
  const hex = v4
    ? `${text.slice(0, dotted)}${(((v4[0] ?? 0) << 8) | (v4[1] ?? 0)).toString(16)}:${(((v4[2] ?? 0) << 8) | (v4[3] ?? 0)).toString(16)}`
    : text;
  const [head = '', tail] = hex.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const before = words(head);
  const after = tail === undefined ? [] : words(tail);
  const all = [...before, ...Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after];
  return all.flatMap((word) => [word >> 8, word & 255]);
}

const MAPPED = '\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u00ff\u00ff';

/** The bytes of an address; an IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is the IPv4 address. */
export function parseAddress(text: string): AddressBytes | undefined {
  if (text.length > 45) return undefined;
  if (isIPv4(text)) return bytesOf(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const bytes = bytesOf(parseV6(text));
  return bytes.startsWith(MAPPED) ? bytes.slice(12) : bytes;
}

const ANY_V4 = bytesOf([0, 0, 0, 0]);
const ANY_V6 = bytesOf(Array(16).fill(0));
const LOOPBACK_V4 = bytesOf([127, 0, 0, 1]);
const LOOPBACK_V6 = bytesOf([...Array<number>(15).fill(0), 1]);

/** Where a connection really goes: the kernel takes "any address" as a destination for the loopback. */
export const destination = (bytes: AddressBytes): AddressBytes =>
  bytes === ANY_V4 ? LOOPBACK_V4 : bytes === ANY_V6 ? LOOPBACK_V6 : bytes;

export function mask(bytes: AddressBytes, bits: number): AddressBytes {
  const whole = bits >> 3;
  const rest = bits & 7;
  const kept = bytes.slice(0, whole);
  if (whole === bytes.length) return kept;
  const partial = String.fromCharCode(bytes.charCodeAt(whole) & (0xff00 >> rest) & 0xff);
  return (kept + partial).padEnd(bytes.length, '\u0000');
}

export const inBlock = ({ bytes, bits }: Block, address: AddressBytes): boolean =>
  bytes.length === address.length && mask(address, bits) === bytes;

export const coversBlock = (wide: Block, narrow: Block): boolean =>
  wide.bits <= narrow.bits && inBlock(wide, narrow.bytes);

function show(bytes: AddressBytes): string {
  const numbers = [...bytes].map((char) => char.charCodeAt(0));
  if (numbers.length === 4) return numbers.join('.');
  const words = Array.from({ length: 8 }, (_, at) =>
    (((numbers[2 * at] ?? 0) << 8) | (numbers[2 * at + 1] ?? 0)).toString(16),
  );
  return words.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}

/** @throws PatternError for what is no address and no block, or a block with bits behind its prefix. */
export function parseBlock(source: string): Block {
  const [address = '', prefix, more] = source.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined || more !== undefined || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) {
    throw new PatternError(`"${source}" is no address and no CIDR block; a host name belongs into destination_domain`);
  }
  // ::ffff:192.0.2.0/120 speaks of IPv4 addresses.
  const isMapped = bytes.length === 4 && address.includes(':');
  const bits = prefix === undefined ? bytes.length * 8 : Number(prefix) - (isMapped ? 96 : 0);
  if (bits < 0 || bits > bytes.length * 8) {
    throw new PatternError(
      `"${source}": the prefix of such an address has ${isMapped ? 96 : 0} to ${bytes.length * 8 + (isMapped ? 96 : 0)} bits`,
    );
  }
  if (mask(bytes, bits) !== bytes) {
    throw new PatternError(`"${source}" has bits behind its prefix: write "${show(mask(bytes, bits))}/${bits}"`);
  }
  return { bytes, bits };
}

/** As `parseBlock` reads it; whole addresses without a prefix. */
export const blockText = ({ bytes, bits }: Block): string =>
  bits === bytes.length * 8 ? show(bytes) : `${show(bytes)}/${bits}`;
