/** The one door of the harness: what the rows measure with. */
export {
  agentgov,
  measureGoverned,
  probeAgentgov,
  recordGoverned,
  startGoverned,
  startSleepingTree,
  useAgentgov,
} from './agentgov.mjs';
export { compareMonitors, ratioMeasure, shareMeasure } from './cost.mjs';
export { workloadEnvironment } from './environment.mjs';
export { inspectLog } from './logs.mjs';
export { accountingMethod, measure, ownUsedMs, releaseGroups } from './measure.mjs';
export { native } from './native.mjs';
export { interleave } from './pairs.mjs';
export { peakKb } from './peak.mjs';
export { plainChain } from './plain-canonical.mjs';
export { memoryKb } from './processes.mjs';
export { sampleEvents } from './sample-events.mjs';
export { median, seededRandom, summarise } from './stats.mjs';
export { isWithin, rowText } from './table.mjs';
export {
  benchFolder,
  cacheFolder,
  memoryFolder,
  removeTemporaryFolders,
  repository,
  temporaryFolder,
} from './workspace.mjs';
