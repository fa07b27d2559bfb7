import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchFolder, measure, sampleEvents, temporaryFolder } from '../harness/index.mjs';

const EVENTS = 200_000;

/**
 * A plain Node pipe over the same kind of events, as the measure of what a stage from ring to log may cost.
 *
 * @returns {() => Promise<number>} each call runs it once: CPU time in ns per event
 */
export function preparePlainPipe() {
  const folder = temporaryFolder('plain-pipe');
  const input = join(folder, 'events.jsonl');
  writeFileSync(input, [...sampleEvents(EVENTS)].map((event) => `${JSON.stringify(event)}\n`).join(''));
  const child = join(benchFolder, 'rows', 'plain-pipe-child.mjs');
  const script = 'cat "$0" | "$1" "$2" > "$3"';
  return async () => {
    const { workMs } = await measure(['sh', '-c', script, input, process.execPath, child, join(folder, 'log.jsonl')]);
    return (workMs * 1e6) / EVENTS;
  };
}
