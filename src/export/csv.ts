// CSV (RFC 4180): a column for every field of the registry, in its order, and one for fields that it does not know.
import { asciiJson } from '../ascii-json.js';
import { type EventValue, FIELDS } from '../events/index.js';
import type { ExportRecord } from './record.js';

const COLUMNS = Object.keys(FIELDS);

export const csvHeader = `${[...COLUMNS, 'other'].join(',')}\r`;

export function toCsv({ event }: ExportRecord): string {
  const other = Object.entries(event).filter(([key]) => !Object.hasOwn(FIELDS, key));
  const cells = COLUMNS.map((key) => (Object.hasOwn(event, key) ? cell(event[key] as EventValue) : ''));
  cells.push(other.length === 0 ? '' : cell(asciiJson(Object.fromEntries(other))));
  return `${cells.join(',')}\r`;
}

/** Arrays as JSON. Only texts need care: numbers and `true` are what they are. */
const cell = (value: EventValue): string =>
  typeof value === 'string' ? quoted(value) : Array.isArray(value) ? quoted(asciiJson(value)) : String(value);

/**
 * What a spreadsheet would run as a formula (OWASP, "CSV injection": = + - @, also full-width, also behind white space)
 * gets a ' before it; so does a text that begins with one, so that taking one ' away always gives the text back.
 */
const FORMULA = /^(?:'|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])/;

function quoted(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n']|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
