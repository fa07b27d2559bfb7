// The lines of a log's file, packed or not.
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Block, LF, readBlocks } from './blocks.js';
import { MAX_LINE } from './chain.js';
import { codeOf } from './files.js';
import { unzstd } from './zstd.js';

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** Bytes that gzip unpacks at a time: with Node's own 16 KiB it spends half of its time on handing them over. */
const UNPACKED = 2 ** 18;

/** A file of a log that is open for reading. */
export interface Source {
  /**
   * Whole lines, once; of a file that has an `fd` from the byte `from` on, of others all. Ends with `damaged` where a
   * packed file cannot be read on.
   */
  blocks(from: number): AsyncGenerator<Block>;
  /** The descriptor of a regular file that is not packed: it can be read at any place. */
  readonly fd: number | undefined;
  /** Bytes of the file as it lies there, when it is a regular file; and how many of them have been read so far. */
  readonly size: number | undefined;
  readonly read: () => number;
  close(): Promise<void>;
}

/** Opens a file by what it holds, whatever it is called. */
export async function openSource(path: string): Promise<Source> {
  const file = await open(path, 'r');
  try {
    const stat = await file.stat();
    // A live log grows while it is read, and nobody could read to its end; a pipe has no size.
    const size = stat.isFile() ? stat.size : undefined;
    const unpack = size === undefined ? undefined : await unpackerOf(file);
    return unpack ? packed(file, size ?? 0, unpack) : plain(file, size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

function plain(file: FileHandle, size: number | undefined): Source {
  let read = 0;
  return {
    async *blocks(from) {
      read = from;
      for await (const block of readBlocks(file, from, size ?? Number.POSITIVE_INFINITY)) {
        read += block.bytes.length;
        yield block;
      }
    },
    fd: size === undefined ? undefined : file.fd,
    size,
    read: () => read,
    close: () => file.close(),
  };
}

type Unpacker = (input: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

async function unpackerOf(file: FileHandle): Promise<Unpacker | undefined> {
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  if (buffer.equals(ZSTD)) return unzstd;
  if (!buffer.subarray(0, 2).equals(GZIP)) return undefined;
  return (input) => {
    const output = createGunzip({ chunkSize: UNPACKED });
    return Readable.from(input)
      .on('error', (error) => output.destroy(error))
      .pipe(output);
  };
}

function packed(file: FileHandle, size: number, unpack: Unpacker): Source {
  let read = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of file.createReadStream({ autoClose: false, start: 0 })) {
      read += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  }
  return {
    blocks: () => streamBlocks(unpack(counted())),
    fd: undefined,
    size,
    read: () => read,
    close: () => file.close(),
  };
}

/** As `readBlocks`, for what comes in pieces. */
async function* streamBlocks(stream: AsyncIterable<Buffer>): AsyncGenerator<Block> {
  // The rest of a line whose end has not come yet.
  let rest: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      const end = chunk.lastIndexOf(LF) + 1;
      if (end > 0) {
        yield { bytes: Buffer.concat([...rest, chunk.subarray(0, end)]), kind: 'lines' };
        rest = [];
        length = 0;
      }
      rest.push(chunk.subarray(end));
      length += chunk.length - end;
      if (length > MAX_LINE) {
        yield { bytes: Buffer.concat(rest), kind: 'overlong' };
        return;
      }
    }
  } catch (error) {
    if (!codeOf(error)?.startsWith('Z')) throw error;
    yield { bytes: Buffer.concat(rest), kind: 'damaged' };
    return;
  }
  if (length > 0) yield { bytes: Buffer.concat(rest), kind: 'torn' };
}
