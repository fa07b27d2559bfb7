import { findWholeLogs } from '../audit/index.js';
import { checkRecording, readEvents, type Trust } from '../policy/index.js';
import { Learner } from './learner.js';
import type { Entry, Profile } from './model.js';
import { newProfile } from './sensitive.js';

export interface Learned {
  readonly profile: Profile;
  /** Lines that are no events; only with `unverified`. */
  readonly skipped: number;
}

/**
 * Learns recordings (logs, or folders of them). Memory grows with what is different in them, not with their length.
 *
 * @throws AgentgovError (exit 2) when a recording cannot be read or does not verify.
 */
export async function learnRecordings(
  paths: readonly string[],
  trust: Trust,
  onNew?: (entry: Entry) => void,
): Promise<Learned> {
  const profile = newProfile();
  let skipped = 0;
  for (const log of await findWholeLogs(paths)) {
    const verification = await checkRecording(log, trust);
    const learner = new Learner(profile, trust.unverified !== true, onNew);
    // No further than what was verified: a live log has grown since.
    skipped += await readEvents(log, verification?.events ?? Number.POSITIVE_INFINITY, (event) => learner.take(event));
  }
  return { profile, skipped };
}
