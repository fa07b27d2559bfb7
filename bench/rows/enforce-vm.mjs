import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, repository, summarise, temporaryFolder } from '../harness/index.mjs';

/** The guest test that measures, and the kernel and the kind of boot that it does so in (test/vm/matrix.mjs). */
const TEST = 'costs';
const BOOT = { kernel: '6.12', tier: 'lsm-counted' };

const WORKS = { open: 'open and close', exec: 'exec', connect: 'connect' };
/** Of the arms, in the order of the columns: what is measured over the bare machine. */
const ARMS = {
  apparmor: 'AppArmor, 10 rules',
  rules_10: 'enforced, 10 rules',
  rules_10000: 'enforced, 10,000 rules',
  monitored: 'monitored',
  ungoverned: 'outside the tree',
};
const BOUNDS = { ungoverned: { open: 1.1, exec: 1.02, connect: 1.02 } };
/** A verdict costs the same whatever the number of rules, within so much. */
const RULES_BOUND = 1.2;

/**
 * What a verdict costs, in a machine without a host beside it: each boot is a pair of this table. That machine is
 * emulated and its clock counts instructions, so these are ratios of instructions: no cache is ever cold there.
 */
export default {
  name: 'enforce-vm',
  defaultPairs: 10,
  async run({ pairs, progress }) {
    const runs = [];
    for (let i = 0; i < pairs; i++) {
      runs.push(bootOnce());
      progress('boots')(i + 1, pairs);
    }
    return {
      workload: `kernel ${runs[0].release} under emulation, tier lsm: instructions of a process over those on the bare machine`,
      lines: [...Object.entries(WORKS).map(([work, label]) => workLine(work, label, runs)), ...verdictLines(runs)],
      facts: ['verdicts: mean run time of each program that decides, with 10,000 rules over with 10'],
    };
  },
};

function bootOnce() {
  const sink = join(temporaryFolder('vm'), 'figures');
  const words = ['--kernel', BOOT.kernel, '--tier', BOOT.tier, '--test', TEST];
  execFileSync('node', [join(repository, 'test/vm/run.mjs'), ...words], {
    stdio: 'ignore',
    env: { ...process.env, AGENTGOV_EVIDENCE: sink, AGENTGOV_FULL: '1' },
  });
  const records = readFileSync(sink, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return records.find(({ name }) => name === TEST).figures;
}

const ratioOf = (name, ratios, bound) => ({ name, kind: 'ratio', ...summarise(ratios), ...(bound && { bound }) });

function workLine(work, label, runs) {
  const bare = ({ bare: before, bare_again: after }) => median([...before[work], ...after[work]]);
  const measures = Object.entries(ARMS).map(([arm, name]) =>
    ratioOf(
      name,
      runs.map((run) => median(run[arm][work]) / bare(run)),
      BOUNDS[arm]?.[work],
    ),
  );
  return { label, measures, raw: { ns: median(runs.map(bare)) } };
}

function verdictLines(runs) {
  const [{ verdicts_10: few }] = runs;
  return Object.keys(few)
    .filter((program) => runs.every((run) => program in run.verdicts_10 && program in run.verdicts_10000))
    .map((program) => {
      const ratios = runs.map((run) => run.verdicts_10000[program] / run.verdicts_10[program]);
      const of = (arm) => median(runs.map((run) => run[arm][program]));
      return {
        label: `verdict ${program.slice('gov_'.length)}`,
        measures: [ratioOf(ARMS.rules_10000, ratios, RULES_BOUND)],
        raw: { ns_10: of('verdicts_10'), ns_10000: of('verdicts_10000') },
      };
    });
}
