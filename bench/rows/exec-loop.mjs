import { compareMonitors } from '../harness/index.mjs';

const EXECS = 4000;

/** Exec-heavy at its worst: a shell that does nothing but start programs which do nothing. */
export default {
  name: 'exec-loop',
  defaultPairs: 20,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const argv = ['sh', '-c', 'i=0; while [ $i -lt "$0" ]; do /bin/true; i=$((i+1)); done', String(EXECS)];
    const lines = await compareMonitors(() => ({ argv }), { pairs, progress, bounds: { workload: 1.15 } });
    return { workload: `a shell that starts /bin/true ${EXECS} times`, lines };
  },
};
