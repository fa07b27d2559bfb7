import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { agentgov, peakKb, ratioMeasure, temporaryFolder } from '../harness/index.mjs';
import { bundleAudit, writeSampleLog } from './audit-bundle.mjs';

/** About 0.3 and 10 GB. */
const [FEW, MANY] = [500_000, 18_000_000];
const BOUND_KB = 150_000;

/** What verify has in memory must not depend on the length of the log. */
export default {
  name: 'verify-memory',
  defaultPairs: 3,
  needsAgentgov: false,
  async run({ pairs, progress }) {
    const bundle = await bundleAudit();
    const folder = temporaryFolder('verify-memory');
    const [short, long] = [join(folder, 'short.jsonl'), join(folder, 'long.jsonl')];
    writeSampleLog(bundle, short, FEW);
    writeSampleLog(bundle, long, MANY);
    const peaks = { short: [], long: [] };
    const seconds = [];
    for (let i = 0; i < pairs; i++) {
      peaks.short.push(await peakKb(agentgov('verify', short)));
      const begin = performance.now();
      peaks.long.push(await peakKb(agentgov('verify', long)));
      seconds.push((performance.now() - begin) / 1000);
      progress('verify-memory')(i + 1, pairs);
    }
    const most = Math.max(...peaks.long);
    const megabytes = `${(most / 1000).toFixed(0)} MB`;
    const gigabytes = `${(statSync(long).size / 1e9).toFixed(1)} GB`;
    const shown = progressOn(long);
    return {
      workload: `logs of ${FEW} and of ${MANY} events`,
      lines: [
        {
          label: 'agentgov verify',
          measures: [ratioMeasure('resident, long over short', peaks.short, peaks.long)],
          raw: peaks,
        },
      ],
      facts: [
        `resident at most ${megabytes} for ${gigabytes}, in ${Math.min(...seconds).toFixed(0)} s at best`,
        `on a terminal it says ${shown.length} times how far it is, as "${shown[shown.length >> 1]}"`,
      ],
      failures: [
        ...(most <= BOUND_KB ? [] : [`resident memory is ${megabytes}, over ${BOUND_KB / 1000} MB`]),
        ...(shown.length > 0 ? [] : ['on a terminal nothing says how far it is']),
      ],
    };
  },
};

/** What verify says of its progress where somebody looks: in a terminal that script(1) makes. */
function progressOn(log) {
  const command = agentgov('verify', log)
    .map((word) => `'${word}'`)
    .join(' ');
  const seen = execFileSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
  return seen.match(/[0-9]+ %, [0-9]+ s left/g) ?? [];
}
