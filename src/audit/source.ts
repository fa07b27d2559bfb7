// The lines of a log's file, packed or not.
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { usageError } from '../errors.js';
import { type Block, LF, readBlocks } from './blocks.js';
import { MAX_LINE } from './chain.js';
import { codeOf } from './files.js';

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

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

/** Opens a file by what it holds, whatever it is called. @throws AgentgovError (usage) for zstd where Node has it not */
export async function openSource(path: string): Promise<Source> {
  const file = await open(path, 'r');
  try {
    const stat = await file.stat();
    // A live log grows while it is read, and nobody could read to its end; a pipe has no size.
    const size = stat.isFile() ? stat.size : undefined;
    const unpack = size === undefined ? undefined : await unpackerOf(path, file);
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

type Unpacker = () => NodeJS.ReadWriteStream;

async function unpackerOf(path: string, file: FileHandle): Promise<Unpacker | undefined> {
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  if (buffer.subarray(0, 2).equals(GZIP)) return () => zlib.createGunzip();
  if (!buffer.equals(ZSTD)) return undefined;
  // In Node from 22.15 on.
  const create = (zlib as { createZstdDecompress?: Unpacker }).createZstdDecompress;
  if (create === undefined) {
    throw usageError(
      `${path} is packed with zstd, which Node ${process.version} cannot read: unpack it, or use Node 22.15`,
    );
  }
  return create;
}

function packed(file: FileHandle, size: number, unpack: Unpacker): Source {
  let read = 0;
  return {
    async *blocks() {
      const input = file.createReadStream({ autoClose: false, start: 0 });
      input.on('data', (chunk) => {
        read += chunk.length;
      });
      const output = unpack();
      input.on('error', (error) => output.emit('error', error));
      yield* streamBlocks(input.pipe(output));
    },
    fd: undefined,
    size,
    read: () => read,
    close: () => file.close(),
  };
}

/** As `readBlocks`, for what comes in pieces. */
async function* streamBlocks(stream: NodeJS.ReadableStream): AsyncGenerator<Block> {
  // The rest of a line whose end has not come yet.
  let rest: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of stream) {
      const chunk = piece as Buffer;
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
  } finally {
    if (stream instanceof Readable) stream.destroy();
  }
  if (length > 0) yield { bytes: Buffer.concat(rest), kind: 'torn' };
}
