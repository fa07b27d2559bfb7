import { median, seededRandom } from '../../bench/harness/index.mjs';
import { attacks, recordAttacks } from '../attacks/index.mjs';
import { learnedFrom, score, summary } from './arithmetic.mjs';
import { stopped } from './attacked.mjs';
import { policiesOf, profilesOf, replayed } from './holdout.mjs';
import { product } from './product.mjs';
import { readEvents, recordWorkload } from './recordings.mjs';

/** Runs to learn from, at which the curve is looked at besides all but one; for every fourth run held out. */
const CURVE = [1, 3, 5];
const EVERY = 4;

/** Each of the two rules of generalisation. */
export const RULES = ['generated', 'collapsed'];

/** Different things that each run showed, and none before it. */
async function freshOf(profiles) {
  const { newProfile, summarise } = await product();
  const merged = newProfile();
  let known = 0;
  return profiles.map(({ profile }) => {
    merged.merge(profile);
    const before = known;
    known = summarise(merged).things;
    return known - before;
  });
}

/**
 * Learns on all runs of a workload but one and replays that one, for every run; then the same with attacks in it.
 *
 * @returns for each rule `folds` (one a run: a score), `curve` (by the number of runs learned from) and `attacks`; of the
 *   runs in their order `seconds` and `fresh`
 */
export async function evaluate(workload, progress) {
  const { summarise } = await product();
  const logs = await recordWorkload(workload);
  const attackLogs = {};
  for (const program of workload.programs) attackLogs[program] = await recordAttacks(program);
  const profiles = await profilesOf(logs);
  const runs = logs.length;
  const seconds = profiles.map(({ profile }) => summarise(profile).seconds);
  const result = { runs, seconds, fresh: await freshOf(profiles), curve: [] };
  for (const rule of RULES) result[rule] = { folds: [], attacks: { tried: 0, blocked: 0, held: 0, missed: [] } };
  for (const count of [...CURVE.filter((count) => count < runs - 1), runs - 1]) {
    const isWhole = count === runs - 1;
    const point = { count, seconds: [], generated: [], collapsed: [] };
    for (let heldOut = 0; heldOut < runs; heldOut += isWhole ? 1 : EVERY) {
      progress(`${workload.name}: ${count} runs learned, run ${heldOut} held out`);
      const learned = learnedFrom(heldOut, count, runs);
      const policies = await policiesOf(learned.map((at) => profiles[at]));
      point.seconds.push(learned.reduce((sum, at) => sum + seconds[at], 0));
      const run = isWhole ? readEvents(logs[heldOut]) : [];
      for (const rule of RULES) {
        point[rule].push(score(await replayed(policies[rule], logs[heldOut])));
        for (const program of isWhole ? workload.programs : []) {
          const done = await stopped(policies[rule], run, attacks, attackLogs[program], seededRandom(heldOut + 1));
          const total = result[rule].attacks;
          total.tried += attacks.length;
          total.blocked += done.blocked;
          total.held += done.held;
          total.missed.push(...done.missed.map((name) => `${name} by ${program}`));
        }
      }
    }
    if (isWhole) for (const rule of RULES) result[rule].folds = point[rule];
    result.curve.push({
      runs: count,
      seconds: median(point.seconds),
      ...Object.fromEntries(RULES.map((rule) => [rule, summary(point[rule])])),
    });
  }
  return result;
}
