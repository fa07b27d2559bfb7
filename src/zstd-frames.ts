/** Data that cannot be unpacked, or that would need too much memory for it. */
export class ZstdError extends Error {
  /** As the errors of zlib have one. */
  readonly code = 'Z_ZSTD';
}

const MAGIC = 0xfd2fb528;
/** The lowest of the sixteen numbers of frames that are skipped. */
const SKIPPABLE = 0x184d2a50;

/**
 * Follows the headers of frames and blocks of zstd (RFC 8878), without unpacking anything: what the decoder is about to
 * keep.
 */
export class FrameWalk {
  /** Bytes of the header that is being read, and how many it has, as far as is known. */
  #header: number[] = [];
  #length = 5;
  /** Bytes of the content that are still to come before the next header. */
  #content = 0;
  #inFrame = false;
  #checksum = 0;

  /** `largestWindow`: what a frame may ask to be kept of what came before, in bytes. */
  constructor(private readonly largestWindow: number) {}

  /** @throws ZstdError where the data is invalid, or asks for more. */
  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const skipped = Math.min(this.#content, bytes.length - at);
      this.#content -= skipped;
      at += skipped;
      if (at === bytes.length) return;
      this.#header.push(bytes[at] as number);
      at += 1;
      if (this.#header.length === this.#length) this.#read(Buffer.from(this.#header));
    }
  }

  /** @throws ZstdError within a frame */
  end(): void {
    if (this.#inFrame || this.#content > 0 || this.#header.length > 0) throw new ZstdError('its end is missing');
  }

  #read(header: Buffer): void {
    if (this.#inFrame) this.#readBlock(header);
    else this.#readFrame(header);
  }

  #readFrame(header: Buffer): void {
    const magic = header.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      if (header.length < 8) this.#length = 8;
      else this.#expect(5, header.readUInt32LE(4));
      return;
    }
    if (magic !== MAGIC) throw new ZstdError('it is no zstd frame');
    const flags = header[4] as number;
    const isSingle = (flags & 0x20) !== 0;
    const dictionary = [0, 1, 2, 4][flags & 3] as number;
    const sized = flags >> 6;
    const sizeBytes = sized > 0 ? 1 << sized : isSingle ? 1 : 0;
    const length = 5 + (isSingle ? 0 : 1) + dictionary + sizeBytes;
    if (header.length < length) {
      this.#length = length;
      return;
    }
    const window = isSingle ? sizeAt(header, 5 + dictionary, sizeBytes) : windowOf(header[5] as number);
    if (window > this.largestWindow) throw new ZstdError(`it needs a window of more than ${this.largestWindow} bytes`);
    this.#inFrame = true;
    this.#checksum = (flags & 4) === 0 ? 0 : 4;
    this.#expect(3, 0);
  }

  #readBlock(header: Buffer): void {
    const fields = header.readUIntLE(0, 3);
    const isRepeated = ((fields >> 1) & 3) === 1;
    const content = isRepeated ? 1 : fields >> 3;
    const isLast = (fields & 1) === 1;
    this.#inFrame = !isLast;
    this.#expect(isLast ? 5 : 3, content + (isLast ? this.#checksum : 0));
  }

  /** Behind so many bytes of content comes a header, of at least so many bytes. */
  #expect(length: number, content: number): void {
    this.#header = [];
    this.#length = length;
    this.#content = content;
  }
}

const windowOf = (descriptor: number): number => {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
};

const sizeAt = (header: Buffer, at: number, bytes: number): number =>
  bytes === 8 ? Number(header.readBigUInt64LE(at)) : header.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
