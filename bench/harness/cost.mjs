import { execFileSync } from 'node:child_process';
import { measureGoverned } from './agentgov.mjs';
import { measure } from './measure.mjs';
import { interleave } from './pairs.mjs';
import { summarise } from './stats.mjs';

/**
 * A ratio of paired figures, B over A.
 *
 * @param {string} name the column
 * @param {number[]} a
 * @param {number[]} b
 * @param {number} [bound] the most that the median may be
 */
export function ratioMeasure(name, a, b, bound) {
  return { name, kind: 'ratio', ...summarise(b.map((value, i) => value / a[i])), bound };
}

/** The same as a share of the whole, for figures that have no "no difference" to be compared with. */
export function shareMeasure(name, part, whole, bound) {
  return { ...ratioMeasure(name, whole, part, bound), kind: 'share' };
}

/** Fewer pairs are enough for what is many times the bare run; ten are the least that a table may stand on. */
const STRACE_PAIRS = 10;

/**
 * The columns of a workload's cost under agentgov, and under what people use today.
 *
 * @param {() => {argv: string[], cwd?: string}} workload called before each run, so that each starts from fresh files
 * @param {{pairs: number, bounds: {workload?: number, own?: number, sum?: number}, progress: Function}} options
 * @returns {Promise<object[]>} lines of the row
 */
export async function compareMonitors(workload, { pairs, bounds, progress }) {
  const bare = () => run(workload, (argv, options) => measure(argv, options));
  const lines = [];

  const governed = await interleave(bare, () => run(workload, measureGoverned), {
    pairs,
    onPair: progress('agentgov monitor'),
  });
  lines.push({
    label: 'agentgov monitor',
    measures: costMeasures(governed, bounds),
    lost: governed.b.reduce((sum, { log }) => sum + log.lost, 0),
    eventTypes: governed.b[0].log.types,
    raw: governed,
  });

  if (isInstalled('strace')) {
    const strace = ['strace', '-f', '-o', '/dev/null'];
    const traced = await interleave(bare, () => run(workload, (argv, o) => measure(argv, { ...o, under: strace })), {
      pairs: Math.min(pairs, STRACE_PAIRS),
      onPair: progress('strace -f'),
    });
    lines.push({ label: strace.join(' '), measures: costMeasures(traced, {}), raw: traced });
  } else {
    lines.push({ label: 'strace -f', measures: [], note: 'strace is not installed' });
  }
  return lines;
}

function run(workload, how) {
  const { argv, ...options } = workload();
  return how(argv, options);
}

/** Sum first: what the user pays. All shares and ratios are of the bare workload's CPU time. */
function costMeasures({ a, b }, bounds) {
  const work = a.map(({ workMs }) => workMs);
  const column = (pick) => b.map(pick);
  return [
    ratioMeasure(
      'sum',
      work,
      column(({ workMs, ownMs }) => workMs + ownMs),
      bounds.sum,
    ),
    ratioMeasure(
      'workload',
      work,
      column(({ workMs }) => workMs),
      bounds.workload,
    ),
    shareMeasure(
      "monitor's own",
      column(({ ownMs }) => ownMs),
      work,
      bounds.own,
    ),
    shareMeasure(
      'of it, first process',
      column(({ ownSelfMs }) => ownSelfMs),
      work,
    ),
    ratioMeasure(
      'elapsed',
      a.map(({ wallMs }) => wallMs),
      column(({ wallMs }) => wallMs),
    ),
  ];
}

function isInstalled(command) {
  try {
    execFileSync(command, ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
