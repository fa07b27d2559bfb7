// What an engine before this one has left in the kernel, and what nobody has recorded of it meanwhile.

import { openPast, type Past } from '../audit/index.js';
import type { Loader, TakenOver } from '../bpf/index.js';
import { AgentgovError, EXIT } from '../errors.js';
import { processes } from './reasons.js';

/** A loss as events_lost has it. */
export interface Loss {
  class?: string;
  count: number;
  reason: string;
}

export interface Takeover {
  /** For session_start. */
  note: string;
  /**
   * What this log does not have. Of verdicts that is what the kernel has counted less what the log has since that engine
   * began, to the last one; of everything else what the kernel has counted since that engine was last seen, which it was
   * every second. Once.
   */
  losses(): Promise<Loss[]>;
}

const REASON = 'unattended';

/**
 * Ends what engines before this one have left in force over the agent, once `loader` governs all of them.
 * @param log path of this session's log, before anything of the session is written.
 * @returns undefined where nothing was left. @throws AgentgovError exit 4.
 */
export async function takeOver(loader: Loader, log: string): Promise<Takeover | undefined> {
  try {
    const taken = await loader.takeOver();
    if (taken.runs === 0) return undefined;
    const past = openPast(log);
    // By now the agent is held by this engine alone: a log that cannot be read must not end that.
    await past.catch(() => {});
    return { note: noteOf(taken), losses: async () => unattended(taken, await past, loader.hello.boot_id) };
  } catch (error) {
    const how = (error as Error).message;
    throw new AgentgovError(`What holds this agent already cannot be taken over: ${how}.`, EXIT.internal);
  }
}

function noteOf({ processes: held, since_us: since, counted }: TakenOver): string {
  const from = new Date(since / 1000).toISOString();
  const unknown = counted ? '' : ' How many events were lost meanwhile is not known.';
  return `Taken over: ${processes(held)} held by the kernel alone, where nobody recorded since ${from}.${unknown}`;
}

async function unattended(taken: TakenOver, past: Past, bootId: string): Promise<Loss[]> {
  const told = await past.verdictsSince(({ pid, boot_id }) => pid === taken.engine && boot_id === bootId);
  if (!taken.counted) return [];
  return [
    { class: 'verdict', count: taken.verdicts - told, reason: REASON },
    { count: taken.others_since, reason: REASON },
  ].filter(({ count }) => count > 0);
}
