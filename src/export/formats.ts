// The formats that there are.
import { toCef } from './cef.js';
import { csvHeader, toCsv } from './csv.js';
import { toEcs } from './ecs.js';
import { toOcsf } from './ocsf.js';
import type { ExportRecord } from './record.js';

/** How events are written: one line each, without its LF; `header` stands before the first. */
export interface Format {
  readonly header?: string;
  readonly line: (record: ExportRecord) => string;
}

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  ocsf: { line: toOcsf },
  cef: { line: toCef },
  ecs: { line: toEcs },
  csv: { header: csvHeader, line: toCsv },
};

export const FORMAT_NAMES = ['ocsf', 'cef', 'ecs', 'csv'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];
