// Another program's log, line by line, in a log of ours: from then on nobody can change it unseen.
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import { type AgentEvent, bytesOfText, type EventDraft, textOfBytes } from '../events/index.js';
import { LF } from './blocks.js';
import { codeOf } from './files.js';
import { filesOf } from './log-files.js';
import { readLog } from './read-log.js';
import { verifyLog } from './verify.js';
import { AuditWriter, type WriterOptions } from './writer.js';

export interface SealOptions {
  /** The log that the lines go into; begun where there is none. */
  readonly output: string;
  readonly agentId: string;
  /** Go on with what is added to the source. */
  readonly follow?: boolean;
  /** Ends it early: at once in a file, at the next bytes of a pipe. */
  readonly signal?: AbortSignal;
  readonly writer?: Omit<WriterOptions, 'agentId'>;
}

/** What was done. */
export interface Sealed {
  /** Bytes and lines of the source that are in the log now, and those of them that were there before. */
  readonly bytes: number;
  readonly lines: number;
  readonly bytesBefore: number;
  readonly sha256: string;
}

/** The most of a line that one event holds; what is longer goes on in the next. In canonical form it grows up to 7 times. */
const PIECE = 2 ** 20;
const POLL_MS = 200;
/** Bytes that may wait to be written. */
const BACKLOG = 8 * 2 ** 20;

/**
 * Takes each line of a file into a log, exactly as it is, whatever bytes it holds; then a `file_sealed` event with the hash of
 * all of them. Called again, it goes on where it has ended, after checking that the file still begins with what was sealed.
 * A pipe is read to its end.
 *
 * @throws AgentgovError: finding when the file is not the one that was sealed, or the log is not intact; usage when one
 *   of them cannot be used; internal when the log cannot be written.
 */
export async function sealFile(source: string, options: SealOptions): Promise<Sealed> {
  const path = resolve(source);
  const file = await open(path, 'r').catch((error: unknown) => {
    throw usageError(`cannot read ${source} (${codeOf(error)}): give a file that you may read`, error);
  });
  try {
    const found = await file.stat();
    if (found.isDirectory()) throw usageError(`${source} is a folder: give a file`);
    const isRegular = found.isFile();
    const progress = isRegular ? await earlier(path, options.output) : new Progress();
    if (isRegular) await refuseIfChanged(source, file, progress);
    return await sealLines(path, file, isRegular, progress, options);
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof AgentgovError || code === undefined) throw error;
    throw usageError(`cannot read ${source} (${code}): give a file that you may read`, error);
  } finally {
    await file.close();
  }
}

/** How much of the source is in the log. */
class Progress {
  bytes = 0;
  /** Lines that are complete, and whether another one was begun. */
  lines = 0;
  isOpen = false;
  readonly hash: Hash = createHash('sha256');

  take(piece: Uint8Array, continues: boolean): void {
    this.hash.update(piece);
    if (!continues) this.hash.update('\n');
    this.bytes += piece.length + (continues ? 0 : 1);
    if (!continues) this.lines += 1;
    this.isOpen = continues;
  }

  get sha256(): string {
    return this.hash.copy().digest('hex');
  }
}

/** What an earlier run has sealed of this file. */
async function earlier(path: string, output: string): Promise<Progress> {
  const progress = new Progress();
  const log = { log: output, files: await filesOf(output), isComplete: true };
  if (log.files.length === 0) return progress;
  const { verdict, reason } = await verifyLog(log);
  if (verdict !== 'intact' && verdict !== 'empty')
    throw new AgentgovError(`${output} is ${verdict} (${reason}): give another --output`, EXIT.finding);
  for await (const lines of readLog(log)) {
    for (const line of lines) {
      if (!line.includes('"event_type": "foreign_line"')) continue;
      const event = JSON.parse(line) as AgentEvent;
      if (event.path !== textOfBytes(Buffer.from(path)).text) continue;
      progress.take(
        bytesOfText(String(event.line), event.line_hex as string | undefined),
        event.line_continues === true,
      );
    }
  }
  return progress;
}

async function refuseIfChanged(source: string, file: FileHandle, { bytes, sha256 }: Progress): Promise<void> {
  const hash = createHash('sha256');
  let left = bytes;
  for await (const chunk of chunksOf(file, 0, bytes)) {
    hash.update(chunk);
    left -= chunk.length;
  }
  if (left === 0 && hash.digest('hex') === sha256) return;
  throw changed(source, bytes);
}

const changed = (source: string, bytes: number): AgentgovError =>
  new AgentgovError(
    `${source} does not begin with the ${bytes} bytes that were sealed of it: it was changed, or rotated by its own writer. ` +
      'The log has what it was; give another --output for what it is now',
    EXIT.finding,
  );

async function* chunksOf(file: FileHandle, from: number, to: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(2 ** 18);
  for (let at = from; at < to; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - at), at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

async function sealLines(
  path: string,
  file: FileHandle,
  isRegular: boolean,
  progress: Progress,
  { output, agentId, follow, signal, writer: writerOptions }: SealOptions,
): Promise<Sealed> {
  const writer = await AuditWriter.open(output, { ...writerOptions, agentId });
  const bytesBefore = progress.bytes;
  const append = (event: EventDraft): void => {
    if (writer.append(event as AgentEvent) === undefined)
      throw new AgentgovError(`cannot write ${output}: make room there, and call this again`, EXIT.internal);
  };
  const own = { action: 'OBSERVED', agent_id: agentId, comm: 'agentgov', pid: process.pid } as const;
  const where = textOfBytes(Buffer.from(path)).text;
  const seal = (piece: Uint8Array, continues: boolean): void => {
    const { text, hex } = textOfBytes(piece);
    append({
      ...own,
      event_type: 'foreign_line',
      line: text,
      line_number: progress.lines + 1,
      path: where,
      timestamp: new Date().toISOString(),
      ...(hex === undefined ? {} : { line_hex: hex }),
      ...(continues ? { line_continues: true } : {}),
    });
    progress.take(piece, continues);
  };
  try {
    const splitter = new Splitter(seal);
    const buffer = Buffer.alloc(2 ** 18);
    for (;;) {
      const position = isRegular ? progress.bytes + splitter.waiting : null;
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      splitter.take(buffer.subarray(0, bytesRead));
      if (writer.pendingBytes > BACKLOG) await writer.flush();
      if (signal?.aborted) break;
      if (bytesRead > 0) continue;
      if (!isRegular || !follow) break;
      if (await wasReplaced(path, file, progress.bytes + splitter.waiting)) throw changed(path, progress.bytes);
      await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
    splitter.end();
    if (progress.bytes > bytesBefore) {
      append({
        ...own,
        event_type: 'file_sealed',
        path: where,
        source_bytes: progress.bytes,
        source_lines: progress.lines + (progress.isOpen ? 1 : 0),
        source_sha256: progress.sha256,
        timestamp: new Date().toISOString(),
      });
    }
  } finally {
    await writer.close();
  }
  const { bytes, lines, isOpen, sha256 } = progress;
  return { bytes, lines: lines + (isOpen ? 1 : 0), bytesBefore, sha256 };
}

/** True when there is another file under this name, or less of this one. */
async function wasReplaced(path: string, file: FileHandle, size: number): Promise<boolean> {
  const [named, own] = await Promise.all([stat(path).catch(() => undefined), file.stat()]);
  return named?.ino !== own.ino || named.dev !== own.dev || own.size < size;
}

/** Makes lines of bytes, and pieces of lines that are too long. */
class Splitter {
  #rest = Buffer.alloc(0);

  constructor(private readonly seal: (piece: Uint8Array, continues: boolean) => void) {}

  /** Bytes that were taken and belong to no piece yet. */
  get waiting(): number {
    return this.#rest.length;
  }

  take(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    let rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const end = rest.indexOf(LF);
      if (end >= 0 && end <= PIECE) {
        this.seal(rest.subarray(0, end), false);
        rest = rest.subarray(end + 1);
      } else if (rest.length > PIECE) {
        const cut = wholeCharacters(rest, PIECE);
        this.seal(rest.subarray(0, cut), true);
        rest = rest.subarray(cut);
      } else {
        break;
      }
    }
    this.#rest = Buffer.from(rest);
  }

  end(): void {
    if (this.#rest.length > 0) this.seal(this.#rest, true);
    this.#rest = Buffer.alloc(0);
  }
}

/** Where to cut, at most here, so that no UTF-8 sequence is cut in two. */
function wholeCharacters(bytes: Uint8Array, most: number): number {
  let cut = most;
  while (cut > most - 3 && ((bytes[cut] as number) & 0xc0) === 0x80) cut -= 1;
  return cut;
}
