import { isAscii } from 'node:buffer';
import { type LogFiles, logName, readRaw } from '../../audit/index.js';
import { AgentgovError, usageError } from '../../errors.js';
import type { AgentEvent } from '../../events/index.js';

/** Our own logs are ASCII, and for that one byte is one character without decoding. */
const textOf = (bytes: Buffer): string => bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');

function parse(line: string): AgentEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as AgentEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** Where an event stands: in which file of the log, and in which line of it, from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** The lines of a log, many at a time. The next ones are read while the ones before are looked at. */
async function* ahead(log: LogFiles): AsyncGenerator<{ path: string; text: string }> {
  const lines = readRaw(log);
  try {
    let next = lines.next();
    for (;;) {
      const { value, done } = await next;
      if (done) return;
      const [path, text] = [value.path, textOf(value.bytes)];
      next = lines.next();
      // Whoever ends early does not wait for it.
      next.catch(() => {});
      yield { path, text };
    }
  } finally {
    await lines.return(undefined);
  }
}

/**
 * Calls `onEvent` with each event of a log, up to `limit` lines.
 * @returns how many lines were no events.
 * @throws AgentgovError (exit 2) when it cannot be read.
 */
export async function readEvents(
  log: LogFiles,
  limit: number,
  onEvent: (event: AgentEvent, place: Place) => void,
): Promise<number> {
  let [file, line] = ['', 0];
  let left = limit;
  let skipped = 0;
  try {
    for await (const { path, text } of ahead(log)) {
      if (path !== file) [file, line] = [path, 0];
      for (let from = 0; from < text.length; ) {
        if (left-- <= 0) return skipped;
        const end = text.indexOf('\n', from);
        const to = end < 0 ? text.length : end;
        const event = parse(text.slice(from, to));
        line++;
        if (event === undefined) skipped++;
        else onEvent(event, { file, line });
        from = to + 1;
      }
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof AgentgovError || code === undefined) throw error;
    throw usageError(`cannot read ${logName(log)} (${code}): give the path of an audit log that you may read`, error);
  }
  return skipped;
}
