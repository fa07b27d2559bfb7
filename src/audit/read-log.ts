// The events of a log for those who do something with them: every line is checked before it is handed out.
import { basename, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import { lockHolder } from '../lock.js';
import { type Block, LF, readBlocks } from './blocks.js';
import { GENESIS, MAX_LINE } from './chain.js';
import { ChainCheck } from './chain-check.js';
import { Digests } from './digests.js';
import { codeOf } from './files.js';
import { LogFollower } from './follower.js';
import { inOrder, type LogFiles } from './log-files.js';
import { openSource } from './source.js';

export interface ReadOptions {
  /** Wait for more at the end, also in files that the writer begins later, until this is aborted. */
  follow?: AbortSignal;
}

/** How often the end of a log that is followed is looked at. */
const POLL_MS = 100;

/**
 * The lines of a log, without their LF, many at a time, in bounded memory. Each follows from the one before it and is
 * canonical.
 *
 * @throws AgentgovError: finding at the first line that does not hold, after all lines before it; usage when a file
 *   cannot be read.
 */
export async function* readLog({ log, files }: LogFiles, { follow }: ReadOptions = {}): AsyncGenerator<string[]> {
  try {
    const digests = await Digests.read(log);
    const parts = await inOrder(files, digests);
    const before = digests.before(parts[0]?.firstSeq ?? (digests.last?.last_seq ?? 0) + 1);
    const check = new ChainCheck(before ? { count: before.last_seq, hash: before.tip } : { count: 0, hash: GENESIS });
    const live = (await lockHolder(log)) !== undefined;
    for (const { path } of parts) {
      if (follow !== undefined && path === parts.at(-1)?.path) yield* followed(path, check, follow);
      else yield* whole(path, check, live && resolve(path) === resolve(log));
    }
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof AgentgovError || code === undefined) throw error;
    throw usageError(`cannot read ${log} (${code}): give the path of an audit log that you may read`, error);
  }
}

async function* whole(path: string, check: ChainCheck, live: boolean): AsyncGenerator<string[]> {
  const source = await openSource(path);
  try {
    for await (const block of source.blocks(0)) {
      // What stands behind the last LF is a line that is being written.
      if (block.kind === 'lines') yield* checked(path, check, block.bytes);
      else if (block.kind !== 'torn' || !live) throw finding(path, check.tip.count + 1, faultOf(block));
    }
  } finally {
    await source.close();
  }
}

async function* followed(path: string, check: ChainCheck, end: AbortSignal): AsyncGenerator<string[]> {
  const follower = await LogFollower.open(path);
  try {
    let position = 0;
    let isFinished = false;
    while (!end.aborted) {
      const { size } = await follower.file.stat();
      if (size < position) throw finding(path, check.tip.count + 1, 'the file is shorter than it was');
      const from = position;
      for await (const block of readBlocks(follower.file, position, size)) {
        if (block.kind === 'overlong') throw finding(path, check.tip.count + 1, faultOf(block));
        if (block.kind === 'torn') break;
        position += block.bytes.length;
        yield* checked(path, check, block.bytes);
        if (end.aborted) return;
      }
      if (position > from) continue;
      // Once more after it is known to be finished: it may have got lines since it was read.
      if (isFinished && (await follower.next())) {
        position = 0;
        isFinished = false;
      } else if (await follower.isFinished()) {
        isFinished = true;
        await pause(end);
      } else {
        await pause(end);
      }
    }
  } finally {
    await follower.close();
  }
}

const pause = (end: AbortSignal): Promise<void> => sleep(POLL_MS, undefined, { signal: end }).catch(() => {});

/** The lines of a block up to the first that does not hold, and then that one as an error. */
function* checked(path: string, check: ChainCheck, bytes: Buffer): Generator<string[]> {
  // The check writes over the block. Canonical lines are ASCII, so one byte is one character.
  const lines = bytes.toString('latin1', 0, bytes.lastIndexOf(LF)).split('\n');
  const before = check.events;
  const fault = check.lines(bytes);
  const first = check.formFault ?? fault;
  if (first === undefined) {
    yield lines;
    return;
  }
  const good = first.line - 1 - before;
  if (good > 0) yield lines.slice(0, good);
  // A fault counts from the first line that was read, which need not be the log's.
  throw finding(path, check.tip.count - check.events + first.line, first.reason);
}

const faultOf = ({ kind }: Block): string => {
  if (kind === 'overlong') return `it is longer than ${MAX_LINE} bytes`;
  return kind === 'torn' ? 'the log ends without a line end here' : 'the packed file cannot be unpacked from here on';
};

const finding = (path: string, line: number, reason: string): AgentgovError =>
  new AgentgovError(
    `${basename(path)} does not hold at line ${line} (${reason}): look at the log with agentgov verify`,
    EXIT.finding,
  );
