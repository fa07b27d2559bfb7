import { collapsedPolicy } from './collapse.mjs';
import { product } from './product.mjs';
import { AGENT_ID } from './record.mjs';
import { home } from './workspace.mjs';

/** Whose recordings these are: some programs ask the system for root's. All homes that there could be would take long to match. */
export const HOMES = [home, '/root'];

/** Learns each run once; any set of runs is then a matter of merging. */
export async function profilesOf(logs) {
  const { learnRecordings } = await product();
  const profiles = [];
  for (const log of logs) profiles.push({ ...(await learnRecordings([log], {})), log });
  return profiles;
}

/** The policies of both rules, learned from these profiles. */
export async function policiesOf(profiles) {
  const { generate, literalPattern, newProfile, parsePolicy } = await product();
  const merged = newProfile();
  for (const { profile } of profiles) merged.merge(profile);
  const text = collapsedPolicy(merged, { literalPattern, agentId: AGENT_ID });
  return { generated: generate(merged).policy, collapsed: parsePolicy(Buffer.from(text), 'the collapsed policy') };
}

/** @returns what the policy would have stopped of a recording, which has been verified when it was learned. */
export async function replayed(policy, log) {
  const { replay } = await product();
  return await replay(policy, [log], { unverified: true, homes: HOMES });
}
