// Reads files of checkpoints, in constant memory: a year of one a minute comes to half a million.
import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { usageError } from '../errors.js';
import { LF, type Readable, readBlocks } from './blocks.js';
import { type Checkpoint, parseCheckpoint, takeNotes } from './checkpoint.js';
import { codeOf, isReadable, notPlain } from './files.js';

/** A note is shorter; what a writer cuts off is no more than that. */
const LONGEST_NOTE = 2000;
/** Text without the end of a note in it: with 64 signatures of others one has no more. In characters. */
const LONGEST_TEXT = 2 ** 16;

/** Bytes that become text at a time: V8 keeps longer strings until it clears all of its memory up. */
const PIECE = 2 ** 14;

/** What in a file of checkpoints is none. */
export interface Rest {
  /** From where on, as a line number from 1; undefined without any. */
  readonly badLine: number | undefined;
  /** That text is short enough to be a note that a crash has torn. */
  readonly isTorn: boolean;
  /** Bytes up to the end of the last checkpoint, with the empty line after it. */
  readonly end: number;
}

export class CheckpointFile {
  /** Known when `each` has come to its end. */
  rest: Rest = { badLine: undefined, isTorn: true, end: 0 };

  private constructor(
    private readonly file: Readable,
    private readonly size: number,
    readonly close: () => Promise<void>,
  ) {}

  /**
   * Opens it as it is now. `given`: by somebody who may mean a pipe, where beside a log it would only hold us up.
   * @throws AgentgovError (usage) when it cannot be read; undefined when there is none.
   */
  static async open(path: string, { given = false } = {}): Promise<CheckpointFile | undefined> {
    let file: FileHandle | undefined;
    try {
      if (!given && !(await isReadable(path))) throw notPlain();
      file = await open(path, 'r');
      const stat = await file.stat();
      if (stat.isFile()) {
        const { close } = file;
        return new CheckpointFile(file, stat.size, close.bind(file));
      }
      // What cannot be read twice, as a pipe.
      const bytes = await file.readFile();
      await file.close();
      return new CheckpointFile(inMemory(bytes), bytes.length, async () => {});
    } catch (error) {
      await file?.close();
      const code = codeOf(error);
      if (code === 'ENOENT') return undefined;
      throw usageError(`cannot read the checkpoints ${path} (${code}): give a file that you may read`, error);
    }
  }

  /** Each checkpoint in turn, up to where something else stands, without judging it. */
  async *each(): AsyncGenerator<Checkpoint> {
    // What no checkpoint was made of yet, and where it begins: a line number from 1, an offset.
    let text = '';
    let line = 1;
    let offset = 0;
    let isBroken = false;
    for await (const { bytes, isEnd } of pieces(this.file, this.size)) {
      const valid = validLines(bytes);
      text += valid.toString();
      const found = takeNotes(text, isEnd);
      let done = 0;
      for (const { raw, end } of found.notes) {
        const checkpoint = parseCheckpoint(raw);
        isBroken = checkpoint === undefined;
        if (checkpoint === undefined) break;
        done = end;
        yield checkpoint;
      }
      const taken = text.slice(0, done);
      line += linesIn(taken);
      offset += Buffer.byteLength(taken);
      text = text.slice(done);
      isBroken ||= found.isBroken || valid.length < bytes.length || text.length > LONGEST_TEXT;
      if (isBroken) break;
    }
    const bad = text.search(/\S/);
    const place = line + linesIn(text.slice(0, Math.max(bad, 0)));
    this.rest = {
      badLine: bad < 0 && !isBroken ? undefined : place,
      isTorn: this.size - offset < LONGEST_NOTE,
      end: offset,
    };
  }
}

/** Lines in small pieces; the last line with or without its LF; then an empty piece, the end. */
async function* pieces(file: Readable, size: number): AsyncGenerator<{ bytes: Buffer; isEnd: boolean }> {
  for await (const { bytes } of readBlocks(file, 0, size)) {
    for (let at = 0, end = 0; at < bytes.length; at = end) {
      end = bytes.indexOf(LF, at + PIECE) + 1 || bytes.length;
      yield { bytes: bytes.subarray(at, end), isEnd: false };
    }
  }
  yield { bytes: Buffer.alloc(0), isEnd: true };
}

const linesIn = (text: string): number => text.split('\n').length - 1;

/** As many lines as are UTF-8. */
function validLines(bytes: Buffer): Buffer {
  if (isUtf8(bytes)) return bytes;
  let end = 0;
  for (let next = bytes.indexOf(LF); next >= 0 && isUtf8(bytes.subarray(end, next)); next = bytes.indexOf(LF, end)) {
    end = next + 1;
  }
  return bytes.subarray(0, end);
}

const inMemory = (bytes: Buffer): Readable => ({
  read: async (buffer, offset, length, position) => ({
    bytesRead: bytes.copy(buffer, offset, position ?? 0, (position ?? 0) + length),
  }),
});
