import { setTimeout as sleep } from 'node:timers/promises';
import { ownUsedMs, startSleepingTree, summarise } from '../harness/index.mjs';

const SETTLE_MS = 3000;
const WINDOW_MS = 20_000;
const BOUND = 0.005;

/** What agentgov burns while its agent thinks. */
export default {
  name: 'idle',
  defaultPairs: 3,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const shares = [];
    for (let i = 0; i < pairs; i++) {
      const tree = await startSleepingTree();
      try {
        await sleep(SETTLE_MS);
        const used = () => ownUsedMs([tree.node, tree.loader]);
        const [cpu, begin] = [used(), performance.now()];
        await sleep(WINDOW_MS);
        shares.push((used() - cpu) / (performance.now() - begin));
      } finally {
        await tree.stop();
      }
      progress('idle')(i + 1, pairs);
    }
    const measure = { name: 'of one core', kind: 'share', ...summarise(shares), bound: BOUND };
    return {
      workload: `a governed tree that sleeps, for ${WINDOW_MS / 1000} s`,
      lines: [{ label: 'agentgov', measures: [measure], raw: { shares } }],
    };
  },
};
