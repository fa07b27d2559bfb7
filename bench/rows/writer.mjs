import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { interleave, ratioMeasure, temporaryFolder } from '../harness/index.mjs';
import { bundleAudit, writeSampleLog } from './audit-bundle.mjs';

const EVENTS = 1_000_000;
const RATE = 200_000;

/** Events as the engine appends them: spelled, chained, hashed, written and made durable; then signed as well. */
export default {
  name: 'writer',
  defaultPairs: 10,
  needsAgentgov: false,
  async run({ pairs, progress }) {
    const bundle = await bundleAudit();
    const { makeKey } = await import(pathToFileURL(bundle).href);
    const folder = temporaryFolder('writer');
    const key = join(folder, 'key');
    await makeKey(key);
    const write = async (...how) => {
      const own = temporaryFolder('writer-log', folder);
      const figures = writeSampleLog(bundle, join(own, 'audit.jsonl'), EVENTS, ...how);
      rmSync(own, { recursive: true });
      return figures;
    };
    const { a, b } = await interleave(
      () => write(),
      () => write(key),
      { pairs, onPair: progress('writer') },
    );
    const column = (runs, field) => runs.map((run) => run[field]);
    const allowed = a.map(() => (EVENTS / RATE) * 1000);
    return {
      workload: `${EVENTS} events appended to a log`,
      lines: [
        {
          label: 'without checkpoints',
          measures: [ratioMeasure(`CPU, of a core at ${RATE} a second`, allowed, column(a, 'cpuMs'), 1)],
          raw: a,
        },
        {
          label: 'with checkpoints',
          measures: [
            ratioMeasure('elapsed', column(a, 'wallMs'), column(b, 'wallMs'), 1.05),
            ratioMeasure("CPU of the writer's thread", column(a, 'threadMs'), column(b, 'threadMs')),
            ratioMeasure('CPU of all threads', column(a, 'cpuMs'), column(b, 'cpuMs')),
          ],
          raw: b,
        },
      ],
    };
  },
};
