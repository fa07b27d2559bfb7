import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { agentgov, interleave, median, ratioMeasure, temporaryFolder, workloadEnvironment } from '../harness/index.mjs';
import { recordWork, stretch } from './long-recording.mjs';

const EVENTS = 1_000_000;
const RATE = 300_000;
/** In which one of a machine's processors does all. */
const ONE_CORE = ['taskset', '--cpu-list', '0'];

/** Deciding on a long recording, on one core: with the policy that was made of the same work, and with a template. */
export default {
  name: 'replay',
  defaultPairs: 10,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const folder = temporaryFolder('replay');
    const file = (name) => join(folder, name);
    await stretch(file('audit.jsonl'), await recordWork(), { events: EVENTS });
    run(agentgov('learn', '--from', file('audit.jsonl'), '--profile', file('profile.json')));
    run(agentgov('generate', file('profile.json'), '-o', file('generated.yaml')));
    run(agentgov('init', 'claude-code', '-o', file('template.yaml'), '--workspace', folder));
    const replay = (policy) => async () => rateOf(agentgov('replay', file(policy), file('audit.jsonl'), '--json'));
    const { a, b } = await interleave(replay('generated.yaml'), replay('template.yaml'), {
      pairs,
      onPair: progress('replay'),
    });
    const line = (label, rates) => ({
      label,
      measures: [
        ratioMeasure(
          `elapsed, of what ${RATE} a second take`,
          rates,
          rates.map(() => RATE),
          1,
        ),
      ],
      raw: rates,
    });
    return {
      workload: `${EVENTS} events of a recording, replayed on one core`,
      lines: [line('policy of generate', a), line('policy of init claude-code', b)],
      facts: [`events a second, in the median: ${median(a)} and ${median(b)}`],
    };
  },
};

const run = ([command, ...args]) => execFileSync(command, args, { stdio: 'ignore', env: workloadEnvironment() });

/** Events a second as replay says it: reading, parsing and deciding, without the check of the chain. */
function rateOf(command) {
  const [first, ...args] = [...ONE_CORE, ...command];
  const { status, stdout, stderr } = spawnSync(first, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: workloadEnvironment(),
  });
  // 1 is a finding: something would be blocked.
  if (status !== 0 && status !== 1) throw new Error(`replay ended with status ${status}: ${stderr}`);
  return JSON.parse(stdout).events_per_second;
}
