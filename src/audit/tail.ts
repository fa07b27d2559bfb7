// What a writer looks at before it goes on with an existing log: not all of it, but enough that a chain is never
// continued from a line that does not hold.
import type { FileHandle } from 'node:fs/promises';
import { usageError } from '../errors.js';
import { countLines, LF, readBlocks } from './blocks.js';
import { MAX_LINE, type Tip } from './chain.js';
import { ChainCheck } from './chain-check.js';
import { lastLineEnd } from './recover.js';
import type { TipRecord } from './tip-file.js';

/** Lines at the end of an existing log that must verify. */
const TAIL_LINES = 1000;
const STEP = 2 ** 16;

/** Where an existing log stands, and what of it the tip file knows. */
export interface Tail {
  readonly tip: Tip;
  /** `hash_self` of the tip file's last line, as the log has it; undefined when it has no such line. */
  readonly known: string | undefined;
}

/**
 * Where the chain of an existing log stands, after a check of its last 1,000 lines (all of them in a shorter log).
 * `size`: where to stop, behind a line end. `known`: what the tip file says; the line that it names is looked at too,
 * however many came after it. `start`: where the log stood when this file was begun.
 *
 * @throws AgentgovError (usage) naming the first bad line.
 */
export async function checkTail(
  file: FileHandle,
  path: string,
  size: number,
  known?: TipRecord,
  start?: Tip,
): Promise<Tail> {
  const last = await tailStart(file, size);
  const marked = known && known.size <= size ? await lastLineEnd(file, Math.max(known.size - 1, 0)) : last;
  const from = Math.min(last, marked);
  const check = new ChainCheck(from > 0 ? 'midway' : start);
  check.watch([known?.count]);
  for await (const { bytes, kind } of readBlocks(file, from, size)) {
    const fault = kind === 'lines' ? check.lines(bytes) : { line: check.events + 1, reason: 'it is no whole line' };
    const bad = check.formFault ?? fault;
    if (bad === undefined) continue;
    const line = (await linesBefore(file, from)) + bad.line;
    throw usageError(
      `${path} does not verify at line ${line} (${bad.reason}), so nothing is added to it: ` +
        'look at it with agentgov verify, then move it away or give another --output-file',
    );
  }
  return { tip: check.tip, known: known && check.hashAt(known.count) };
}

/** Offset of the first of the last 1,000 lines; 0 when there are fewer. */
async function tailStart(file: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(STEP);
  // The LF at the very end closes the last line and begins none.
  let end = size - 1;
  let lines = 0;
  while (end > 0) {
    const start = Math.max(end - STEP, 0);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    const step = buffer.subarray(0, bytesRead);
    for (let at = step.lastIndexOf(LF); at >= 0; at = at > 0 ? step.lastIndexOf(LF, at - 1) : -1) {
      lines += 1;
      if (lines === TAIL_LINES) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

async function linesBefore(file: FileHandle, end: number): Promise<number> {
  let lines = 0;
  for await (const { bytes } of readBlocks(file, 0, end)) lines += countLines(bytes);
  return lines;
}

/** The last line before `end`, without its LF; as much of it as stands in the last 64 KiB. */
async function lastLine(file: FileHandle, end: number): Promise<string> {
  const length = Math.min(end, STEP);
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, end - length);
  return buffer.toString('latin1', buffer.subarray(0, -1).lastIndexOf(LF) + 1);
}

/** The `agent_id` of the last line before `end`; empty without one. */
export async function lastAgent(file: FileHandle, end: number): Promise<string> {
  // Two bare quotes cannot stand within a string of a canonical line.
  const [text] = /(?<="agent_id": )"(?:[^"\\]|\\.)*"/.exec(await lastLine(file, end)) ?? [];
  return text === undefined ? '' : String(JSON.parse(text));
}

/** The `hash_self` of the last line before `end`. */
export async function lastHash(file: FileHandle, end: number): Promise<string | undefined> {
  return /(?<="hash_self": ")[0-9a-f]{64}(?=")/.exec(await lastLine(file, end))?.[0];
}

/** `hash_self` of the first line; undefined where none begins the file. */
export async function firstHash(file: FileHandle): Promise<string | undefined> {
  for await (const { bytes, kind } of readBlocks(file, 0, MAX_LINE + STEP)) {
    if (kind !== 'lines') return undefined;
    return /(?<="hash_self": ")[0-9a-f]{64}(?=")/.exec(bytes.toString('latin1', 0, bytes.indexOf(LF)))?.[0];
  }
  return undefined;
}
