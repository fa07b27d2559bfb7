import type { Field } from './field.js';
import { FIELDS, fieldOf } from './fields.js';
import { isAction, isEventType } from './types.js';

/** One fault of an event against the registry. */
export interface Fault {
  field: string;
  /** unknown: not in the registry · mistyped: wrong JSON type or spelling · misplaced: not a field of this event type ·
   * missing: every event carries it */
  kind: 'unknown' | 'mistyped' | 'misplaced' | 'missing';
  /** One sentence. */
  text: string;
}

const typeName = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : typeof value;

const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string');

const HAS_TYPE: Record<Field['type'], (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  integer: (value) => Number.isSafeInteger(value) && !Object.is(value, -0),
  boolean: (value) => typeof value === 'boolean',
  strings: isStrings,
};

const valueFault = (name: string, field: Field, value: unknown): string | undefined => {
  if (!HAS_TYPE[field.type](value)) {
    return `${name} must be ${field.type === 'strings' ? 'an array of strings' : `of type ${field.type}`}, not ${typeName(value)} (${JSON.stringify(value)})`;
  }
  if (field.pattern && !field.pattern.test(String(value))) {
    return `${name} must be ${field.format ?? field.pattern}, not ${JSON.stringify(value)}`;
  }
  if (field.type === 'integer' && !field.isSigned && (value as number) < 0)
    return `${name} must not be negative: ${value}`;
  return undefined;
};

/**
 * Compares one event with the registry. An empty list means that every field is known, has its type and its spelling,
 * belongs to the event's type, and that nothing is missing which every event carries.
 *
 * `draft`: the event has not been through the log yet, so `seq` and the hashes may be absent or placeholders.
 */
export function checkEvent(event: Record<string, unknown>, { draft = false }: { draft?: boolean } = {}): Fault[] {
  const faults: Fault[] = [];
  const fault = (field: string, kind: Fault['kind'], text: string) => faults.push({ field, kind, text });
  const sealed = (name: string) => name === 'seq' || name === 'hash_prev' || name === 'hash_self';

  const type = event.event_type;
  if (type !== undefined && !isEventType(type)) {
    fault('event_type', 'mistyped', `event_type ${JSON.stringify(type)} is not one of EVENT_TYPES`);
  }
  if (event.action !== undefined && !isAction(event.action)) {
    fault('action', 'mistyped', `action ${JSON.stringify(event.action)} is not one of ACTIONS`);
  }
  for (const [name, value] of Object.entries(event)) {
    const field = fieldOf(name);
    if (!field) {
      fault(name, 'unknown', `${name} is not in the registry of fields`);
      continue;
    }
    if (draft && sealed(name)) continue;
    const text = valueFault(name, field, value);
    if (text) fault(name, 'mistyped', text);
    if (field.on !== 'all' && isEventType(type) && !field.on.includes(type)) {
      fault(name, 'misplaced', `${name} is no field of ${type}`);
    }
  }
  for (const [name, field] of Object.entries(FIELDS)) {
    if ('always' in field && !(draft && sealed(name)) && event[name] === undefined) {
      fault(name, 'missing', `${name} is missing: every event carries it`);
    }
  }
  return faults;
}
