import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  cacheFolder,
  interleave,
  measure,
  median,
  native,
  ratioMeasure,
  startSleepingTree,
  summarise,
  temporaryFolder,
  workloadEnvironment,
} from '../harness/index.mjs';
import { freshNpmProject, npmProjectText } from './npm-project.mjs';

const CHUNKS = 21;
const CALLS = 200_000;

/** After a start or an end of governing: programs are attached and taken off by workers of the kernel. */
const SETTLE_MS = 300;

/**
 * What everyone else on the machine pays while some other tree is governed: two micro-benchmarks say what a system
 * call costs more, the number of calls of a real workload turns that into a share, and the workload itself is run to
 * see that nothing was forgotten.
 */
export default {
  name: 'ungoverned',
  defaultPairs: 20,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const whileGoverned = async (run) => {
      const tree = await startSleepingTree();
      try {
        await sleep(SETTLE_MS);
        return await run();
      } finally {
        await tree.stop();
        await sleep(SETTLE_MS);
      }
    };
    const calls = await interleave(microBenchmark, () => whileGoverned(microBenchmark), {
      pairs,
      onPair: progress('system calls'),
    });
    const column = (runs, field) => runs.map((run) => run[field]);

    const project = await freshNpmProject(cacheFolder('npm'));
    const install = () => {
      const { argv, cwd } = project();
      return measure(argv, { cwd });
    };
    const installs = await interleave(install, () => whileGoverned(install), { pairs, onPair: progress('npm ci') });
    const counted = countSystemCalls(project());
    const work = (runs) => runs.map(({ workMs }) => workMs);

    return {
      workload: 'processes outside of the tree, while another tree is governed and sleeps, against nothing governed',
      lines: [
        {
          label: 'null system call',
          measures: [ratioMeasure('CPU', column(calls.a, 'nullNs'), column(calls.b, 'nullNs'))],
        },
        {
          label: 'open and close',
          measures: [ratioMeasure('CPU', column(calls.a, 'openCloseNs'), column(calls.b, 'openCloseNs'))],
          raw: calls,
        },
        {
          label: 'npm ci, computed',
          measures: [computedTax(calls, counted, median(work(installs.a)))],
          raw: counted,
        },
        {
          label: 'npm ci, as run',
          measures: [ratioMeasure('CPU', work(installs.a), work(installs.b))],
          raw: installs,
        },
      ],
      facts: [
        npmProjectText,
        `computed: 1 + (${counted.calls} system calls, ${counted.opens} of them opens, at their measured tax) / its CPU`,
      ],
    };
  },
};

async function microBenchmark() {
  const file = join(cacheFolder('native'), 'account');
  const output = execFileSync(native('syscalls'), [file, String(CHUNKS), String(CALLS)], {
    encoding: 'utf8',
    env: workloadEnvironment(),
  });
  const { null_ns, open_close_ns } = JSON.parse(output);
  return { nullNs: median(null_ns), openCloseNs: median(open_close_ns) };
}

/** Each pair's own tax, so that the spread of the micro-benchmarks is carried into the result. */
function computedTax({ a, b }, { calls, opens }, workMs) {
  const ratios = a.map((bare, i) => {
    const everyCall = b[i].nullNs - bare.nullNs;
    const anOpen = b[i].openCloseNs - bare.openCloseNs - 2 * everyCall;
    return 1 + (calls * everyCall + opens * anOpen) / (workMs * 1e6);
  });
  return { name: 'CPU', kind: 'ratio', ...summarise(ratios), bound: 1.01 };
}

/** strace counts exactly, and its cost does not matter here. */
function countSystemCalls({ argv, cwd }) {
  const summary = join(temporaryFolder('strace'), 'summary');
  execFileSync('strace', ['-f', '-c', '-U', 'calls,name', '-o', summary, ...argv], {
    cwd,
    stdio: 'ignore',
    env: workloadEnvironment(),
  });
  const counts = Object.fromEntries(
    [...readFileSync(summary, 'utf8').matchAll(/^\s*(\d+)\s+(\w+)$/gm)].map(([, calls, name]) => [name, Number(calls)]),
  );
  const opens = ['open', 'openat', 'openat2', 'creat'].reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  return { calls: counts.total, opens };
}
