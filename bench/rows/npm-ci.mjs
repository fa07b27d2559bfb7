import { cacheFolder, compareMonitors } from '../harness/index.mjs';
import { freshNpmProject, npmProjectText } from './npm-project.mjs';

/** File-heavy: what an agent does first in most repositories. */
export default {
  name: 'npm-ci',
  defaultPairs: 20,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const workload = await freshNpmProject(cacheFolder('npm'));
    const lines = await compareMonitors(workload, { pairs, progress, bounds: { workload: 1.05, own: 0.1 } });
    return { workload: npmProjectText, lines };
  },
};
