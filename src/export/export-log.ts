// A log on its way out: checked as a whole, then read once more, event by event, each held against the chain.
import { type LogFiles, readLog, verifyLog } from '../audit/index.js';
import { AgentgovError, EXIT } from '../errors.js';
import type { Format } from './formats.js';
import { type ExportRecord, RecordReader } from './record.js';

export interface ExportOptions {
  readonly format: Format;
  /** The first event, by `seq`; the first of the log without it. */
  readonly from?: number;
  /** Go on with what the writer adds, until this is aborted. */
  readonly follow?: AbortSignal;
  /** Look at no checkpoints, for a log that was copied without them. */
  readonly checkpoints?: false;
}

/** An event as its receiver gets it. */
export interface Exported extends ExportRecord {
  readonly text: string;
}

/**
 * The events of a log, many at a time.
 *
 * @throws AgentgovError: finding when the log is not intact, before anything of it is given out; or when a line that
 *   the writer adds later does not hold, after all before it. Usage when a file cannot be read.
 */
export async function* exportLog(
  log: LogFiles,
  { format, from = 1, follow, checkpoints }: ExportOptions,
): AsyncGenerator<Exported[]> {
  const { verdict, reason } = await verifyLog(log, checkpoints === false ? { checkpoints } : {});
  if (verdict !== 'intact' && verdict !== 'empty') {
    throw new AgentgovError(
      `${log.log} is ${verdict} (${reason}), so nothing of it is exported: look at it with agentgov verify`,
      EXIT.finding,
    );
  }
  const reader = new RecordReader();
  for await (const lines of readLog(log, follow === undefined ? {} : { follow })) {
    const records = lines.map((line) => reader.read(line)).filter(({ seq }) => seq >= from);
    if (records.length > 0) yield records.map((record) => ({ ...record, text: format.line(record) }));
  }
}
