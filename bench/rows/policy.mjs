import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'tsup';
import { manyRules } from '../../test/vm/guest/lib/many-rules.mjs';
import { benchFolder, median, ratioMeasure, repository, temporaryFolder } from '../harness/index.mjs';

const RULES = 10_000;
/** What reading, checking and compiling may take, in ms of CPU. */
const ALLOWED = 1000;

/** A large policy, up to the tables that the kernel gets: when agentgov starts, and when a running one reloads it. */
export default {
  name: 'policy',
  defaultPairs: 10,
  needsAgentgov: false,
  async run({ pairs, progress }) {
    const folder = await bundlePolicy();
    const file = join(folder, 'policy.yaml');
    writeFileSync(file, largePolicy());
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
      workload: `a policy of ${RULES} rules: 5,000 files, 1,500 paths with stars, 2,000 folders, 1,000 hosts, 500 addresses; 1,500 of them of one of 40 programs`,
      lines: [
        { ...line('in a process that has just started', 'first'), raw: runs },
        line('again in it, as reload does', 'again'),
      ],
      facts: [`${median(runs.map(({ entries }) => entries))} rows of tables for the kernel`],
    };
  },
};

/** The room src/policy and the engine's settings of V8: the library does not export them. @returns the folder */
async function bundlePolicy() {
  const outDir = temporaryFolder('policy');
  await build({
    entry: { policy: join(repository, 'src/policy/index.ts'), v8: join(repository, 'src/engine/v8.ts') },
    outDir,
    format: 'cjs',
    platform: 'node',
    noExternal: [/./],
    // Where it finds the package that it belongs to.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(repository, 'dist', 'policy.js'))) },
    config: false,
    silent: true,
  });
  return outDir;
}

function largePolicy() {
  const head = 'version: "1.0"\nagent_id: large\nmode: enforce\n';
  const closed = 'default_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: BLOCK}\npolicies:\n';
  return head + closed + manyRules(RULES);
}
