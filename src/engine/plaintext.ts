import { Joiner, Origins } from '../cause/index.js';
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

/** How long the distance between the two clocks is believed: the wall clock may be set. */
const BELIEVED_MS = 60_000;

/** Wall clock of a time since boot. Looked up seldom, for it is known to 10 ms only, and times should not go back. */
function wallClock(): (tsUs: number) => string {
  let looked = Number.NEGATIVE_INFINITY;
  let boot = 0;
  return (tsUs) => {
    const now = Date.now();
    if (Math.abs(now - looked) > BELIEVED_MS) {
      looked = now;
      boot = now - bootTimeUs() / 1000;
    }
    return new Date(boot + tsUs / 1000).toISOString();
  };
}

/** What listens to plaintext, and what that explains. */
export interface Heard {
  readonly conversations: Conversations;
  readonly joiner: Joiner;
}

/** Begins the conversations of a session. `record` takes an event and gives its `seq`, where it got one. */
export type OpenConversations = (record: (event: EventDraft) => number | undefined) => Heard;

export const conversationsOf =
  (agentId: string, redactor: Pick<Redactor, 'clean' | 'hash'>, options: PlaintextOptions): OpenConversations =>
  (record) => {
    const joiner = new Joiner(new Origins(redactor));
    const timestamp = wallClock();
    return {
      joiner,
      conversations: new Conversations({ ...options, agentId, redactor, joiner, emit: record, timestamp }),
    };
  };
