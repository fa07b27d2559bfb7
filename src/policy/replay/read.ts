import { isAscii } from 'node:buffer';
import { open } from 'node:fs/promises';
import { usageError } from '../../errors.js';
import type { AgentEvent } from '../../events/index.js';

const BLOCK = 4 * 2 ** 20;
/** As in the audit log; a longer line is no event. */
const MAX_LINE = 16 * 2 ** 20;
const LF = 0x0a;

/** Our own logs are ASCII, and for that one byte is one character without decoding. */
const textOf = (bytes: Buffer): string => bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');

/** Whole lines of a file, many at a time, in bounded memory. The last one need not end. */
async function* readText(path: string): AsyncGenerator<string> {
  const file = await open(path, 'r');
  try {
    let buffer = Buffer.allocUnsafe(BLOCK);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, null);
      if (bytesRead === 0) break;
      filled += bytesRead;
      const end = buffer.subarray(0, filled).lastIndexOf(LF) + 1;
      if (end > 0) {
        yield textOf(buffer.subarray(0, end));
        buffer.copyWithin(0, end, filled);
        filled -= end;
      } else if (filled > MAX_LINE) {
        throw usageError(`${path} has a line of more than ${MAX_LINE} bytes: it is no audit log`);
      } else if (filled === buffer.length) {
        const larger = Buffer.allocUnsafe(buffer.length * 2);
        buffer.copy(larger, 0, 0, filled);
        buffer = larger;
      }
    }
    if (filled > 0) yield `${textOf(buffer.subarray(0, filled))}\n`;
  } finally {
    await file.close();
  }
}

function parse(line: string): AgentEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as AgentEvent) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Calls `onEvent` with each event of a log and its line (from 1), up to `limit` lines.
 * @returns how many lines were no events.
 * @throws AgentgovError (exit 2) when it cannot be read.
 */
export async function readEvents(
  path: string,
  limit: number,
  onEvent: (event: AgentEvent, line: number) => void,
): Promise<number> {
  let line = 0;
  let skipped = 0;
  try {
    for await (const text of readText(path)) {
      for (let from = 0, to = text.indexOf('\n'); to >= 0; from = to + 1, to = text.indexOf('\n', from)) {
        if (line === limit) return skipped;
        line++;
        const event = parse(text.slice(from, to));
        if (event === undefined) skipped++;
        else onEvent(event, line);
      }
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw usageError(`cannot read ${path} (${code}): give the path of an audit log that you may read`, error);
  }
  return skipped;
}
