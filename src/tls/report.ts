import type { Joiner } from '../cause/index.js';
import type { EventDraft, EventType, Redactor } from '../events/index.js';
import type { Chunk, Peer } from './chunk.js';
import type { Budget } from './pile.js';
import type { Secrets } from './secrets.js';

/** Who did it, and when. */
export type Origin = Pick<Chunk, 'ts_us' | 'pid' | 'tid' | 'start_us' | 'comm'>;

/** Without the bytes of a chunk, which are a view of a larger buffer. */
export const originOf = ({ ts_us, pid, tid, start_us, comm }: Origin): Origin => ({ ts_us, pid, tid, start_us, comm });

/** Fields of an event; undefined is absent. */
export type Fields = {
  [K in Exclude<keyof EventDraft, 'event_type' | 'action' | 'pid'>]?: EventDraft[K] | undefined;
};

/** What every part of this room is given. */
export interface Room {
  readonly redactor: Pick<Redactor, 'clean' | 'hash'>;
  readonly secrets: Secrets;
  /** What tool calls explain, and where their words came from. */
  readonly joiner: Joiner;
  /** What all connections together may keep. */
  readonly budget: Budget;
  /** Contents are written down, not only their sizes and hashes. */
  readonly captureContent: boolean;
  /** Arguments of tools are written down. */
  readonly toolArgs: boolean;
  /** @returns whether this session sees it for the first time, by its keyed hash. */
  isNew(hmac: string): boolean;
  /** @returns the event's `seq`, where it got one. */
  emit(event: EventDraft): number | undefined;
}

/** Makes the events of one connection. */
export class Reporter {
  origin: Origin;
  peer: Peer;

  constructor(
    readonly room: Room,
    private readonly agentId: string,
    private readonly timestamp: (tsUs: number) => string,
    first: Origin,
    peer: Peer,
  ) {
    this.origin = originOf(first);
    this.peer = peer;
  }

  /** @returns the event's `seq`, where it got one. */
  report(type: EventType, fields: Fields): number | undefined {
    const { pid, tid, start_us, comm, ts_us } = this.origin;
    const { connection, server_name, dest_ip, dest_port, dest_domain, local_ip, local_port, joined, library } =
      this.peer;
    const common = { connection, server_name, dest_ip, dest_port, dest_domain, local_ip, local_port };
    const event: EventDraft = {
      event_type: type,
      action: 'OBSERVED',
      agent_id: this.agentId,
      pid,
      tid,
      start_us,
      comm,
      ts_us,
      timestamp: this.timestamp(ts_us),
      ...(joined ? { joined_midway: true } : {}),
      ...(library === 'plain' ? { unencrypted: true } : {}),
    };
    // What is absent is not known: an event holds no undefined.
    for (const [name, value] of Object.entries({ ...common, ...fields }))
      if (value !== undefined) Object.assign(event, { [name]: value });
    return this.room.emit(event);
  }
}
