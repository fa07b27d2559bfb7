/** One session: loader → events → log → output, from the first signal handler to the exit code. */

export { CommandError } from './command.js';
export type { EnforceFlags } from './enforcement.js';
export {
  type LogOptions,
  type MonitorOptions,
  monitor,
  type Output,
  TIER_CHOICES,
  type TierChoice,
} from './run.js';
export { optimiseLate } from './v8.js';
