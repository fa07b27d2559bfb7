import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import {
  agentgov,
  interleave,
  measure,
  plainChain,
  ratioMeasure,
  repository,
  sampleEvents,
  temporaryFolder,
} from '../harness/index.mjs';

const EVENTS = 1_000_000;

/** Against the loop that anyone would write; the bound is for two cores that have nothing else to do. */
export default {
  name: 'verify',
  defaultPairs: 10,
  needsAgentgov: false,
  async run({ pairs, progress }) {
    const log = join(temporaryFolder('verify'), 'audit.jsonl');
    await writeLog(log);
    const python = [pythonItself(), join(repository, 'test', 'vectors', 'verify.py'), log];
    const { a, b } = await interleave(
      () => measure(python),
      () => measure(agentgov('verify', log)),
      { pairs, onPair: progress('agentgov verify') },
    );
    const column = (runs, field) => runs.map((run) => run[field]);
    return {
      workload: `a log of ${EVENTS} events, against the plain Python loop`,
      lines: [
        {
          label: 'agentgov verify',
          measures: [
            ratioMeasure('elapsed', column(a, 'wallMs'), column(b, 'wallMs'), 0.1),
            ratioMeasure('CPU', column(a, 'workMs'), column(b, 'workMs')),
          ],
          raw: { a, b },
        },
      ],
    };
  },
};

/** Not a version manager's wrapper script, which would count as the loop's time. */
function pythonItself() {
  return execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
}

async function writeLog(path) {
  const out = createWriteStream(path);
  const next = plainChain();
  let batch = '';
  for (const event of sampleEvents(EVENTS)) {
    batch += `${next(event)}\n`;
    if (batch.length > 1 << 20) {
      if (!out.write(batch)) await once(out, 'drain');
      batch = '';
    }
  }
  out.end(batch);
  await once(out, 'close');
}
