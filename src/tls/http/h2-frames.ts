import type { Pile } from '../pile.js';

/** Frame types and flags of RFC 9113, section 6. */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, push: 5, continuation: 9 } as const;
export const FLAG = { endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const HEAD = 9;
/** The largest type that a frame of a connection joined midway may have: PRIORITY_UPDATE (RFC 9218). */
const TYPE_MAX = 0x10;
/** Larger frames need a setting that hardly anybody makes; where nothing else is known they are not believed. */
const USUAL_MAX = 1 << 17;

export interface FrameHead {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

const headAt = (bytes: Buffer, at: number): FrameHead => ({
  length: bytes.readUIntBE(at, 3),
  type: bytes[at + 3] as number,
  flags: bytes[at + 4] as number,
  stream: bytes.readUInt32BE(at + 5) & 0x7fffffff,
});

/** Types whose frames belong to the connection, and to a stream (RFC 9113, 6). */
const OF_CONNECTION = new Set([4, 6, 7, 0x10]);
const OF_STREAM = new Set([0, 1, 2, 3, 5, 9]);

/** Whether all of these bytes could be frames, from the first on. */
export function looksLikeFrames(bytes: Buffer): boolean {
  let at = 0;
  for (; at + HEAD <= bytes.length; ) {
    const { length, type, stream } = headAt(bytes, at);
    if (type > TYPE_MAX || length > USUAL_MAX || (bytes[at + 5] as number) > 0x7f) return false;
    if (stream === 0 ? OF_STREAM.has(type) : OF_CONNECTION.has(type)) return false;
    at += HEAD + length;
  }
  return at > 0;
}

export interface FrameEvents {
  /** A frame begins. @returns whether its payload is wanted whole, in pieces, or not at all. */
  head(frame: FrameHead): 'whole' | 'pieces' | 'skip';
  piece(frame: FrameHead, bytes: Buffer): void;
  /** So many bytes of its payload are missing. */
  missing(frame: FrameHead, length: number): void;
  /** The end of every frame; `payload` where it was wanted whole. */
  end(frame: FrameHead, payload: Buffer): void;
}

const NONE = Buffer.alloc(0);

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  readonly #head = Buffer.alloc(HEAD);
  #headBytes = 0;
  #frame: FrameHead | undefined;
  #left = 0;
  #want: 'whole' | 'pieces' | 'skip' = 'skip';

  /** `payload`: where a frame is gathered that is wanted whole. */
  constructor(
    private readonly events: FrameEvents,
    private readonly payload: Pile,
  ) {}

  /** @throws Error for a frame that is larger than what may be gathered, and whatever the events throw. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#frame === undefined) {
        const count = Math.min(HEAD - this.#headBytes, bytes.length - at);
        bytes.copy(this.#head, this.#headBytes, at, at + count);
        this.#headBytes += count;
        at += count;
        if (this.#headBytes === HEAD) this.#begin();
        continue;
      }
      const count = Math.min(this.#left, bytes.length - at);
      this.#take(bytes.subarray(at, at + count));
      at += count;
    }
  }

  /** So many bytes are missing here. @returns whether they are all of one payload, so that it is known what follows. */
  skip(length: number): boolean {
    const frame = this.#frame;
    if (frame === undefined || this.#want === 'whole' || length > this.#left) return false;
    this.#left -= length;
    this.events.missing(frame, length);
    if (this.#left === 0) this.#end();
    return true;
  }

  #begin(): void {
    this.#headBytes = 0;
    const frame = headAt(this.#head, 0);
    this.#frame = frame;
    this.#left = frame.length;
    this.#want = this.events.head(frame);
    if (this.#left === 0) this.#end();
  }

  #take(bytes: Buffer): void {
    const frame = this.#frame as FrameHead;
    this.#left -= bytes.length;
    if (this.#want === 'pieces') this.events.piece(frame, bytes);
    else if (this.#want === 'whole' && !this.payload.push(bytes)) throw new Error('a frame is too large');
    if (this.#left === 0) this.#end();
  }

  #end(): void {
    const frame = this.#frame as FrameHead;
    this.#frame = undefined;
    this.events.end(frame, this.#want === 'whole' ? this.payload.bytes : NONE);
    this.payload.clear();
  }
}
