import type { EventDraft, Redactor } from '../events/index.js';
import { Conversations } from '../tls/index.js';
import { bootTimeUs } from './boot-clock.js';

/** What is written down of conversations. */
export interface PlaintextOptions {
  /** Contents, not only their sizes and hashes. */
  captureContent?: boolean;
  /** Arguments of tools; true by default. */
  toolArgs?: boolean;
}

/** The conversations of a session. `record` takes an event and gives its `seq`, where it got one. */
export const openConversations = (
  agentId: string,
  redactor: Pick<Redactor, 'clean' | 'hash'>,
  options: PlaintextOptions,
  record: (event: EventDraft) => number | undefined,
): Conversations =>
  new Conversations({
    ...options,
    agentId,
    redactor,
    emit: record,
    timestamp: (tsUs) => new Date(Date.now() - (bootTimeUs() - tsUs) / 1000).toISOString(),
  });
