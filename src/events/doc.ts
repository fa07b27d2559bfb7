import type { Field } from './field.js';
import { FIELDS } from './fields.js';
import { ACTIONS, EVENT_TYPES } from './types.js';

const TYPE_WORDS: Record<Field['type'], string> = {
  string: 'string',
  integer: 'integer',
  boolean: 'boolean',
  strings: 'array of strings',
};

/** A table cell cannot hold a bar or a line break. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

const fieldRow = ([name, field]: [string, Field]): string[] => [
  `\`${name}\``,
  TYPE_WORDS[field.type],
  field.format ?? '',
  field.meaning,
  field.always ? 'every event' : field.on === 'all' ? 'any, where known' : field.on.map((t) => `\`${t}\``).join(' '),
];

/** The text of docs/events.md. A unit test holds the file to it. */
export function eventsDoc(): string {
  return `# Events

<!-- Made from src/events/fields.ts and src/events/types.ts: UPDATE_DOCS=1 npx vitest run --project unit test/unit/events/doc.test.ts -->

One event is one flat JSON object on one line: strings, booleans, safe integers and arrays of strings, no floats, no
null. A field that is absent is not known or does not apply; 64-bit values (cgroup ids, inodes) are decimal strings.

Paths and arguments are bytes. A byte that is not valid UTF-8 is written \`\\xNN\` in the text, and the exact bytes of a
path stand beside it in hex. A backslash that the name itself has before \`xNN\` is written \`\\x5c\`, so two different
files never become the same text.

Secrets do not reach the log. Keys of known shapes, \`Authorization\` and cookie values, passwords after the usual flags,
in assignments and in URLs are replaced by \`[redacted:KIND:FINGERPRINT]\` before the record is built, and \`credential\`
holds the fingerprint. Where that changed a path, its exact bytes are left out too.

## Event types

${table(
  ['event_type', 'what happened'],
  Object.entries(EVENT_TYPES).map(([name, meaning]) => [`\`${name}\``, meaning]),
)}

## Actions

${table(
  ['action', 'what became of it'],
  Object.entries(ACTIONS).map(([name, meaning]) => [`\`${name}\``, meaning]),
)}

## Fields

${table(['field', 'type', 'format, unit', 'meaning', 'carried by'], Object.entries<Field>(FIELDS).map(fieldRow))}
`;
}
