import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { benchFolder, ratioMeasure, repository } from '../harness/index.mjs';
import { bundleRooms, largePolicy, largePolicyText } from './large-policy.mjs';

/** What it may take until such a policy is in force, in ms. */
const ALLOWED = 1000;

/**
 * A large policy from its file into the kernel's tables, and others in its place, by the engine of `enforce`. Its loader
 * has no programs (bench/native/tables.c), so that it runs where the kernel refuses those that enforce.
 */
export default {
  name: 'swap',
  defaultPairs: 10,
  needsAgentgov: false,
  async run({ pairs, progress }) {
    execFileSync('make', ['-s', '-C', join(repository, 'bpf'), 'build/tables'], { stdio: 'inherit' });
    const folder = await bundleRooms({
      bpf: 'src/bpf/index.ts',
      enforcement: 'src/engine/enforcement.ts',
      policy: 'src/policy/index.ts',
      v8: 'src/engine/v8.ts',
    });
    const loader = join(repository, 'bpf', 'build', 'tables');
    const words = [join(benchFolder, 'rows', 'swap-child.mjs'), folder, loader, largePolicy(folder)];
    const runs = [];
    for (let pair = 0; pair <= pairs; pair++) {
      const figures = JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
      // The first one warms the machine's caches.
      if (pair > 0) runs.push(figures);
      progress('swap')(pair, pairs);
    }
    const line = (label, took) => {
      const of = (name, pick, bound) =>
        ratioMeasure(
          name,
          took.map(() => ALLOWED),
          took.map(pick),
          bound,
        );
      return {
        label,
        measures: [
          of('elapsed, of a second', ({ elapsedMs }) => elapsedMs, 1),
          of('CPU of the engine', ({ cpuMs }) => cpuMs),
        ],
      };
    };
    const swaps = runs.flatMap(({ swaps }) => swaps);
    const worst = Math.max(...swaps.map(({ elapsedMs }) => elapsedMs));
    return {
      workload: `${largePolicyText}; each name answered after 5 ms`,
      lines: [
        {
          ...line(
            'a session begins',
            runs.map(({ begin }) => begin),
          ),
          raw: runs,
        },
        line('a swap, four in a row', swaps),
      ],
      facts: [`the slowest of ${swaps.length} swaps took ${Math.round(worst)} ms`],
    };
  },
};
