// Events that try to break out of whatever format they are written in.
import { join } from 'node:path';
import { AuditWriter } from '../../../src/audit/index.js';
import type { AgentEvent } from '../../../src/events/index.js';
import { type Exported, exportLog, FORMATS, type FormatName } from '../../../src/export/index.js';
import { folder } from '../audit/logs.js';

export const base = {
  timestamp: '2026-04-14T09:23:01.234Z',
  agent_id: 'finance-agent',
  action: 'OBSERVED',
  pid: 4000,
};

/** Texts that end a line, a field, a quote or a header somewhere, or begin a formula. */
export const HOSTILE = [
  'two\nlines',
  'carriage\rreturn\r\n',
  'CEF:0|a|b|c|d|e|9|act=ALLOWED',
  'key=value spid=1',
  'back\\slash\\',
  'back\\nslash',
  'trailing\\\\=',
  '"quoted", "twice""',
  "it's",
  "'",
  '=HYPERLINK("http://evil.example")',
  '+1',
  '-1+1',
  '@SUM(A1)',
  '\t=1',
  ' =1',
  '\uff1d1',
  '\u2028line\u2029paragraph\u0085next',
  'nul\u0000 esc\u001b[31m',
  'caf\u00e9 \ud83d\udcc4',
  '<131>1 - - - - - -',
  '{"json": "in json"}',
  ' ',
  '',
];

/** A log with these records. */
export async function logOf(records: Array<Record<string, unknown>>): Promise<string> {
  const path = join(folder(), 'audit.jsonl');
  const writer = await AuditWriter.open(path);
  for (const record of records) writer.append({ ...base, ...record } as AgentEvent);
  await writer.close();
  return path;
}

/** They as their receiver gets them. */
export async function exported(records: Array<Record<string, unknown>>, format: FormatName): Promise<Exported[]> {
  const path = await logOf(records);
  const events: Exported[] = [];
  for await (const some of exportLog({ log: path, files: [path] }, { format: FORMATS[format], checkpoints: false }))
    events.push(...some);
  return events;
}
