import { interleave, measure, ratioMeasure } from '../harness/index.mjs';

const ITERATIONS = 400_000;
const spin = (iterations) => ['sh', '-c', 'i=0; while [ $i -lt "$0" ]; do i=$((i+1)); done', String(iterations)];

/** The ruler against itself: nothing must look like nothing, and a known 5 % like 5 %. */
export default {
  name: 'self',
  defaultPairs: 20,
  async run({ pairs, progress }) {
    const arm = (iterations) => () => measure(spin(iterations));
    const lines = [];
    for (const [label, factor] of [
      ['the same again', 1],
      ['5 % more work', 1.05],
    ]) {
      const { a, b } = await interleave(arm(ITERATIONS), arm(ITERATIONS * factor), { pairs, onPair: progress(label) });
      const work = (runs) => runs.map(({ workMs }) => workMs);
      lines.push({ label, measures: [ratioMeasure('workload', work(a), work(b))], raw: { a, b } });
    }
    return { workload: `a shell that counts to ${ITERATIONS}, against itself`, lines };
  },
};
