// Reads an audit log with nothing of the product: what the tests believe about a log, they work out here.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** One event as the tests use it. Fields that no test reads are still there, under their names. */
export interface Event {
  seq: number;
  timestamp: string;
  agent_id: string;
  event_type: string;
  action: string;
  pid: number;
  hash_prev: string;
  hash_self: string;
  ts_us?: number;
  start_us?: number;
  ppid?: number;
  pid_inner?: number;
  tid?: number;
  uid?: number;
  gid?: number;
  comm?: string;
  exe?: string;
  path?: string;
  path_hex?: string;
  path_to?: string;
  path_to_hex?: string;
  path_resolved?: boolean;
  path_deleted?: boolean;
  argv?: string[];
  argv_cut?: boolean;
  argv_bytes?: number;
  cwd?: string;
  script?: string;
  interpreter?: string;
  syscall?: string;
  errno?: number;
  exit_code?: number;
  signal?: string;
  access?: string;
  flags?: string[];
  value?: string;
  count?: number;
  class?: string;
  reason?: string;
  dest_ip?: string;
  dest_port?: number;
  dest_domain?: string;
  local_ip?: string;
  local_port?: number;
  protocol?: string;
  bytes_in?: number;
  bytes_out?: number;
  target_pid?: number;
  late?: boolean;
  preexisting?: boolean;
  tier?: string;
  [other: string]: string | number | boolean | string[] | undefined;
}

function parseLine(line: string, at: number): Event {
  const value: unknown = JSON.parse(line);
  if (typeof value !== 'object' || value === null || !('event_type' in value) || !('pid' in value))
    throw new Error(`line ${at} is no event: ${line.slice(0, 200)}`);
  return value as Event;
}

/** All events of a log that fits into memory. A last line without LF is left out: its writer is not done with it. */
export function parseLog(bytes: Buffer): Event[] {
  const text = bytes.toString('utf8');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  lines.pop();
  return lines.map((line, index) => parseLine(line, index + 1));
}

/** The events of a log of any size, one after the other. */
export async function* eachEvent(file: string): AsyncGenerator<Event> {
  let at = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: 0 }))
    yield parseLine(line, ++at);
}

/**
 * What is wrong with the hash chain of a log, or undefined. The line is its own canonical form, so the text that was
 * hashed is the line without its hash_self: no second canonicaliser is needed to check the first one.
 */
export function chainFault(bytes: Buffer): string | undefined {
  let previous = '0'.repeat(64);
  let seq = 0;
  const lines = bytes.toString('utf8').split('\n');
  if (lines.pop() !== '') return 'the log ends within a line';
  for (const line of lines) {
    const event = parseLine(line, ++seq);
    const hashed = line.replace(`"hash_self": "${event.hash_self}", `, '');
    if (event.seq !== seq) return `line ${seq} has seq ${event.seq}`;
    if (event.hash_prev !== previous) return `line ${seq} does not continue line ${seq - 1}`;
    previous = createHash('sha256').update(hashed).digest('hex');
    if (event.hash_self !== previous) return `line ${seq} does not hash to its hash_self`;
  }
  return undefined;
}

/**
 * Length of the valid UTF-8 sequence at `at`, or 0 (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing
 * above U+10FFFF).
 */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (let index = 1; index < length; index++) {
    const byte = bytes[at + index] ?? 0;
    let low = 0x80;
    let high = 0xbf;
    if (index === 1) {
      if (lead === 0xe0) low = 0xa0;
      if (lead === 0xed) high = 0x9f;
      if (lead === 0xf0) low = 0x90;
      if (lead === 0xf4) high = 0x8f;
    }
    if (byte < low || byte > high) return 0;
  }
  return length;
}

/** How bytes are written as text in a log, and whether the exact bytes must stand beside it. */
export function logText(bytes: Uint8Array): { text: string; inexact: boolean } {
  let text = '';
  let inexact = false;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += `\\x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`;
      inexact = true;
      at++;
      continue;
    }
    const looksEscaped = /^\\x[0-9a-fA-F]{2}/.test(Buffer.from(bytes.subarray(at, at + 4)).toString('latin1'));
    if (looksEscaped) inexact = true;
    text += looksEscaped ? '\\x5c' : Buffer.from(bytes.subarray(at, at + length)).toString('utf8');
    at += length;
  }
  return { text, inexact };
}

/** The exact bytes of a path field, whatever way it is written. Throws where text and bytes disagree. */
export function pathBytes(event: Event, field: 'path' | 'path_to' = 'path'): Buffer {
  const text = event[field];
  const hex = event[`${field}_hex`];
  if (typeof text !== 'string') throw new Error(`event ${event.seq} (${event.event_type}) has no ${field}`);
  const bytes = typeof hex === 'string' ? Buffer.from(hex, 'hex') : Buffer.from(text, 'utf8');
  const expected = logText(bytes);
  if (expected.text !== text || expected.inexact !== (typeof hex === 'string'))
    throw new Error(
      `event ${event.seq}: ${field} ${JSON.stringify(text)} is not how ${bytes.toString('hex')} is written`,
    );
  return bytes;
}

/** Sum of what the log says was lost, by class. */
export function lost(events: readonly Event[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const event of events)
    if (event.event_type === 'events_lost') {
      const name = event.class ?? 'unknown';
      sums[name] = (sums[name] ?? 0) + (event.count ?? 0);
    }
  return sums;
}
