// Unpacks zstd (RFC 8878) in bounded memory: Node has it only from 22.15 on.
import { FrameWalk, ZstdError } from '../zstd-frames.js';

/** What a frame may ask to be kept of what came before, as the zstd program has it by default (windowLog 27). */
const LARGEST_WINDOW = 2 ** 27;
/** Four bytes can stand for a block of 128 KiB, so this much at once can come to 32 MiB. */
const SLICE = 1024;

/** What these bytes unpack to, frame by frame. @throws ZstdError */
export async function* unzstd(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // Only here, so that whoever reads no such file need not have it.
  const { Decompress } = await import('fzstd');
  let unpacked: Buffer[] = [];
  const frames = new FrameWalk(LARGEST_WINDOW);
  const decoder = new Decompress((bytes) => {
    unpacked.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  });
  const push = (slice: Buffer, isLast: boolean): Buffer[] => {
    unpacked = [];
    try {
      decoder.push(slice, isLast);
    } catch (error) {
      throw new ZstdError((error as Error).message);
    }
    return unpacked;
  };
  for await (const chunk of input) {
    for (let at = 0; at < chunk.length; at += SLICE) {
      const slice = chunk.subarray(at, at + SLICE);
      frames.take(slice);
      yield* push(slice, false);
    }
  }
  frames.end();
  // A frame of less than 18 bytes has waited for more.
  yield* push(Buffer.alloc(0), true);
}
