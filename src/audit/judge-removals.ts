// Holds what is recorded of removed files against what the log itself tells of them.
import type { ChainCheck } from './chain-check.js';
import { found, type Problem } from './claims.js';
import type { Digests, RecordedRemoval } from './digests.js';
import { removalName } from './pruned-event.js';

export const nameOf = ({ removed, first_seq, last_seq }: RecordedRemoval): string =>
  removalName(removed, first_seq, last_seq);

/**
 * A removal of which the log does not tell though all lines that could do so are there: always so for the newest, for it
 * cannot be told of before the rest begins. `start`: lines before those that were read. `live`: the writer tells of what
 * was removed in its next file only.
 */
export function judgeRemovals(
  { told }: ChainCheck,
  digests: Digests,
  start: number,
  live: boolean,
): Problem | undefined {
  const untold = digests.removals.find(
    (removal, index) => removal.behind >= start && !told.has(nameOf(removal)) && !(live && index >= digests.announced),
  );
  if (untold === undefined) return undefined;
  const what = `${untold.removed} is recorded as removed, and the log does not tell of it`;
  const why = 'it was removed by hand, or agentgov prune was interrupted and must be run again';
  return { ...found('tampered', null, `${what}: ${why}`), chain: 'failed' };
}
