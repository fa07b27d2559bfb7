import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { benchFolder, median, ratioMeasure } from '../harness/index.mjs';
import { bundleRooms, largePolicy, largePolicyText } from './large-policy.mjs';

/** What reading, checking and compiling may take, in ms of CPU. */
const ALLOWED = 1000;

/** A large policy, up to the tables that the kernel gets: when agentgov starts, and when a running one reloads it. */
export default {
  name: 'policy',
  defaultPairs: 10,
  needsAgentgov: false,
  async run({ pairs, progress }) {
    const folder = await bundleRooms({ policy: 'src/policy/index.ts', v8: 'src/engine/v8.ts' });
    const file = largePolicy(folder);
    const child = join(benchFolder, 'rows', 'policy-child.mjs');
    const runs = [];
    for (let pair = 0; pair <= pairs; pair++) {
      const figures = JSON.parse(execFileSync(process.execPath, [child, folder, file], { encoding: 'utf8' }));
      // The first one warms the machine's caches.
      if (pair > 0) runs.push(figures);
      progress('policy')(pair, pairs);
    }
    const allowed = runs.map(() => ALLOWED);
    const line = (label, when) => {
      const column = (pick) => runs.map((run) => pick(run[when]));
      return {
        label,
        measures: [
          ratioMeasure(
            'CPU, of a second',
            allowed,
            column(({ readMs, compileMs }) => readMs + compileMs),
            1,
          ),
          ratioMeasure(
            'reading and checking',
            allowed,
            column(({ readMs }) => readMs),
          ),
          ratioMeasure(
            'compiling',
            allowed,
            column(({ compileMs }) => compileMs),
          ),
        ],
      };
    };
    return {
      workload: largePolicyText,
      lines: [
        { ...line('in a process that has just started', 'first'), raw: runs },
        line('again in it, as reload does', 'again'),
      ],
      facts: [`${median(runs.map(({ entries }) => entries))} rows of tables for the kernel`],
    };
  },
};
