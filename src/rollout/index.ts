// How a policy comes into force by steps: what each rule has been against, how long it was watched in audit mode, and when it
// has proved quiet.
export { readRecord, writeRecord } from './file.js';
export type { RuleRecord } from './record.js';
export { type Clock, type Move, Rollout, type RuleCount, type Terms, type Watched } from './rollout.js';
