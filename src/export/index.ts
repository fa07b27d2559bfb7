// Events for the systems that collect them: one text an event, escaped for its format.
export { type Exported, type ExportOptions, exportLog } from './export-log.js';
export { FORMAT_NAMES, FORMATS, type Format, type FormatName } from './formats.js';
export { weightOf } from './record.js';
