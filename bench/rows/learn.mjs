import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { agentgov, peakKb, ratioMeasure, temporaryFolder } from '../harness/index.mjs';
import { recordWork, stretch } from './long-recording.mjs';

const EVENTS = 1_000_000;
const PATHS = 150_000;
const BOUND_MS = 60_000;
const BOUND_KB = 500_000;

/** A long recording with many different files in it, from the log to the profile; then the policy of that. */
export default {
  name: 'learn',
  defaultPairs: 3,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const folder = temporaryFolder('learn');
    const [log, profile, policy] = ['audit.jsonl', 'profile.json', 'policy.yaml'].map((name) => join(folder, name));
    const paths = await stretch(log, await recordWork(), { events: EVENTS, paths: PATHS });
    const runs = { learn: [], generate: [] };
    for (let i = 0; i < pairs; i++) {
      rmSync(profile, { force: true });
      runs.learn.push(await timed(agentgov('learn', '--from', log, '--profile', profile)));
      runs.generate.push(await timed(agentgov('generate', profile, '-o', policy)));
      progress('learn')(i + 1, pairs);
    }
    const line = (label, figures, bound) => ({
      label,
      measures: [
        ratioMeasure(
          'elapsed, of a minute',
          figures.map(() => BOUND_MS),
          figures.map(({ ms }) => ms),
          bound,
        ),
        ratioMeasure(
          'resident, of 500 MB',
          figures.map(() => BOUND_KB),
          figures.map(({ kb }) => kb),
          bound,
        ),
      ],
      raw: figures,
    });
    return {
      workload: `a recording of ${EVENTS} events with ${paths} different files besides those of its work`,
      lines: [line('agentgov learn --from', runs.learn, 1), line('agentgov generate', runs.generate)],
    };
  },
};

async function timed(command) {
  const begin = performance.now();
  const kb = await peakKb(command);
  return { kb, ms: performance.now() - begin };
}
