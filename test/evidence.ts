// Figures that a test measured. A test only says them; test/full.mjs adds where they come from (commit, date, kernel,
// cores, seed) and writes docs/evidence/NAME.json, so that the same test costs nothing in the other lanes.
import { appendFileSync } from 'node:fs';

export type Figure = number | string | boolean | Figure[] | { [key: string]: Figure };
export type Figures = Record<string, Figure>;

/**
 * Records figures under docs/evidence/NAME.json in the full lane; does nothing in any other. Units belong into the key
 * (`opens_per_s`, `rss_mb`). Several calls with one name are merged, a later key replaces an earlier one.
 */
export function evidence(name: string, figures: Figures): void {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) throw new Error(`evidence name "${name}" is not a plain file name`);
  const sink = process.env.AGENTGOV_EVIDENCE;
  // One short append is one write: tests of several processes may say figures at once.
  if (sink) appendFileSync(sink, `${JSON.stringify({ name, figures })}\n`);
}
