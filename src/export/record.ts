// One event on its way out: what its line says, and what the session around it has said.
import { usageError } from '../errors.js';
import type { AgentEvent, EventValue } from '../events/index.js';
import { VERSION } from '../package.js';

/** What only `session_start` says, for the events behind it. Absent where the export begins within a session. */
export interface Origin {
  host?: string;
  boot_id?: string;
  kernel?: string;
  /** Of the agentgov that recorded it. */
  version: string;
}

export interface ExportRecord {
  readonly event: AgentEvent;
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly origin: Origin;
}

/** Reads lines of a log one after the other, and keeps in mind where they come from. */
export class RecordReader {
  #origin: Origin = { version: VERSION };

  /**
   * @throws AgentgovError (usage) for a line that no agentgov has written: it could not be exported without changing
   *   what it says.
   */
  read(line: string): ExportRecord {
    const event = JSON.parse(line) as AgentEvent;
    const seq = Number(event.seq);
    for (const [key, value] of Object.entries(event)) {
      if (!isValue(value))
        throw usageError(`line ${seq} cannot be exported: its ${key} is none that a log of agentgov can hold`);
    }
    const time = Date.parse(textOf(event, 'timestamp') ?? '');
    if (Number.isNaN(time)) throw usageError(`line ${seq} cannot be exported: its timestamp is none`);
    if (event.event_type === 'session_start') this.#origin = originOf(event);
    return { event, seq, time, origin: this.#origin };
  }
}

const isValue = (value: unknown): value is EventValue =>
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  Number.isSafeInteger(value) ||
  (Array.isArray(value) && value.every((item) => typeof item === 'string'));

function originOf(event: AgentEvent): Origin {
  const origin: Origin = { version: textOf(event, 'version') ?? VERSION };
  for (const key of ['host', 'boot_id', 'kernel'] as const) {
    const text = textOf(event, key);
    if (text !== undefined) origin[key] = text;
  }
  return origin;
}

/** A field of an event, where it has the type that the registry gives it. */
export const textOf = (event: AgentEvent, key: string): string | undefined => {
  const value = event[key];
  return typeof value === 'string' ? value : undefined;
};

export const numberOf = (event: AgentEvent, key: string): number | undefined => {
  const value = event[key];
  return typeof value === 'number' ? value : undefined;
};

export const listOf = (event: AgentEvent, key: string): string[] | undefined => {
  const value = event[key];
  return Array.isArray(value) ? value : undefined;
};

/** The name behind the last slash. */
export const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1) || path;

/** A command line as one text: words that a shell would take apart are in single quotes. */
export const commandLine = (argv: readonly string[]): string =>
  argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');

/** Leaves out what is not known, also objects of which nothing is. */
export function known(fields: Record<string, unknown>): Record<string, unknown> | undefined {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** How much somebody should care, on syslog's scale. */
export type Weight = 'info' | 'notice' | 'warning' | 'error';

export function weightOf({ event_type: type, action }: AgentEvent): Weight {
  if (action === 'BLOCKED' || type === 'enforcement_gap' || type === 'events_lost') return 'error';
  if (action === 'WOULD_BLOCK' || action === 'HELD' || type === 'kernel_tamper' || type === 'log_recovered')
    return 'warning';
  if (action === 'WOULD_HOLD' || type === 'privilege_change' || type === 'ptrace' || type === 'approval_denied')
    return 'notice';
  return 'info';
}
