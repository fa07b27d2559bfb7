// What a log tells of its files that were removed on purpose.
import { basename, join } from 'node:path';
import type { EventDraft } from '../events/index.js';
import type { Removal } from './digests.js';

/** The record of a file that was removed from a log. */
export const prunedEvent = (
  folder: string,
  { removed, first_seq, last_seq, reason }: Removal,
  agentId: string,
): EventDraft => ({
  event_type: 'log_pruned',
  action: 'OBSERVED',
  agent_id: agentId,
  comm: 'agentgov',
  first_seq,
  last_seq,
  path: join(folder, removed),
  pid: process.pid,
  reason,
  timestamp: new Date().toISOString(),
});

/** The name of a removal, which its record and its event have in common. */
export const removalName = (file: string, firstSeq: number | string, lastSeq: number | string): string =>
  `${basename(file)} ${firstSeq} ${lastSeq}`;
