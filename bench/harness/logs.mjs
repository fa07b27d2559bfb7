import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * What a log of a measured run says, so that a run which lost something, or ended early, never passes as a cheap one.
 *
 * @param {string} path
 * @param {(event: Record<string, unknown>) => void} [onEvent]
 * @returns {Promise<{events: number, lost: number, types: Record<string, number>, tier?: string, ended: boolean}>}
 */
export async function inspectLog(path, onEvent) {
  const seen = { events: 0, lost: 0, types: {}, tier: undefined, ended: false };
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    const event = JSON.parse(line);
    seen.events++;
    seen.types[event.event_type] = (seen.types[event.event_type] ?? 0) + 1;
    if (event.event_type === 'events_lost') seen.lost += event.count;
    if (event.event_type === 'session_start') seen.tier = event.tier;
    if (event.event_type === 'session_end') seen.ended = true;
    onEvent?.(event);
  }
  return seen;
}
