import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { Decompress } from 'fzstd';
import { FrameWalk } from '../../zstd-frames.js';

/** A window that every decoder of the content coding has to support, and more than which none need (RFC 9659, 3). */
const ZSTD_WINDOW = 8 << 20;
/** Of zstd at once: four bytes can stand for a block of 128 KiB. */
const SLICE = 1024;

/** Codings in the order in which they were applied; more than this many nobody uses. */
const CODINGS_MAX = 4;

/** Unpacks a body. @throws Error where it is no such data, or larger than `most` bytes. */
type Decoder = (bytes: Buffer, most: number) => Buffer;

// A body that was cut still says what its beginning held.
const flushes = { finishFlush: constants.Z_SYNC_FLUSH };

const gunzip: Decoder = (bytes, most) => gunzipSync(bytes, { maxOutputLength: most, ...flushes });

/** The coding is the zlib format, but some servers send it without the head (RFC 9110, 8.4.1.2). */
const inflate: Decoder = (bytes, most) => {
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8 && bytes.length > 1 && bytes.readUInt16BE(0) % 31 === 0;
  return (isZlib ? inflateSync : inflateRawSync)(bytes, { maxOutputLength: most, ...flushes });
};

const brotli: Decoder = (bytes, most) =>
  brotliDecompressSync(bytes, { maxOutputLength: most, finishFlush: constants.BROTLI_OPERATION_FLUSH });

const zstd: Decoder = (bytes, most) => {
  const found: Buffer[] = [];
  let length = 0;
  const frames = new FrameWalk(ZSTD_WINDOW);
  const decoder = new Decompress((part) => {
    length += part.length;
    if (length > most) throw new Error(`it unpacks to more than ${most} bytes`);
    found.push(Buffer.from(part));
  });
  for (let at = 0; at < bytes.length; at += SLICE) {
    const slice = bytes.subarray(at, at + SLICE);
    frames.take(slice);
    decoder.push(slice, at + SLICE >= bytes.length);
  }
  return Buffer.concat(found);
};

const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', inflate],
  ['br', brotli],
  ['zstd', zstd],
]);

const codingsOf = (header: string | undefined): string[] =>
  (header ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');

/** Whether a body with this Content-Encoding is what it says without being decoded. */
export const isPlain = (encoding: string | undefined): boolean => codingsOf(encoding).length === 0;

/**
 * The body without its content codings (`encoding`: the header's value), in at most `most` bytes at every step.
 * @throws Error that says what is wrong
 */
export function decodeContent(bytes: Buffer, encoding: string | undefined, most: number): Buffer {
  const codings = codingsOf(encoding);
  if (codings.length > CODINGS_MAX) throw new Error(`it has more than ${CODINGS_MAX} codings`);
  let decoded = bytes;
  for (const name of codings.reverse()) {
    const decode = DECODERS.get(name);
    if (decode === undefined) throw new Error('its coding is not known');
    decoded = decode(decoded, most);
  }
  return decoded;
}
