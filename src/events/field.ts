import type { EventType } from './types.js';

/** What a value looks like in JSON. An integer is safe (below 2^53); anything wider is a decimal string. */
export type FieldType = 'string' | 'integer' | 'boolean' | 'strings';

/** One field of the record: everything that a reader, a checker and the redactor must know about it. */
export interface Field {
  readonly type: FieldType;
  /** Unit or spelling, for people. */
  readonly format?: string;
  /** The exact spelling, where it can be checked. */
  readonly pattern?: RegExp;
  readonly meaning: string;
  /** `all`, or the event types that may carry it. */
  readonly on: 'all' | readonly EventType[];
  /** May be below zero. */
  readonly isSigned?: true;
  /** In every event, whatever its type. */
  readonly always?: true;
  /** The agent chooses (part of) the text, so it may hold a secret or a terminal escape, and says how it is written. */
  readonly agentText?: 'path' | 'argv' | 'words' | 'script';
}

export const HEX64 = /^[0-9a-f]{64}$/;
