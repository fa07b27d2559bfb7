import type { Joiner } from '../cause/index.js';
import type { EventDraft, Redactor } from '../events/index.js';
import type { Chunk, ConnectionEnd, Peer } from './chunk.js';
import { Connection } from './connection.js';
import { Budget } from './pile.js';
import { Reporter, type Room } from './report.js';
import { Secrets } from './secrets.js';

/** Connections at once; the one that has been silent longest ends when there is one more. */
const CONNECTIONS_MAX = 1024;
/** What all of them may keep at once, in bytes. */
const BUDGET = 128 << 20;
/** Pieces of content that are known not to be new. */
const SEEN_MAX = 100_000;

export interface ConversationOptions {
  agentId: string;
  redactor: Pick<Redactor, 'clean' | 'hash'>;
  /** Is told of tool calls, and says what requests they explain. */
  joiner: Joiner;
  /** Takes an event. @returns its `seq`, where it got one: later events refer to it. */
  emit: (event: EventDraft) => number | undefined;
  /** Wall clock of a CLOCK_BOOTTIME in µs, as `timestamp` is written. */
  timestamp: (tsUs: number) => string;
  /** Write contents down, not only their sizes and hashes; false by default. */
  captureContent?: boolean;
  /** Write arguments of tools down; true by default. */
  toolArgs?: boolean;
}

/**
 * Makes events of the plaintext of connections: what was asked over HTTP, of which model, and what tools it asked for.
 * Everything happens within the calls. Whatever the bytes are, none of them throws, but for what `emit` throws.
 */
export class Conversations {
  readonly #options: ConversationOptions;
  readonly #room: Room;
  /** In the order in which they were heard of last. */
  readonly #connections = new Map<string, Connection>();
  readonly #peers = new Map<string, Peer>();
  readonly #seen = new Set<string>();
  /** What `emit` threw: no fault of the connection whose bytes were read. */
  #failure: unknown;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#room = {
      redactor: options.redactor,
      secrets: new Secrets(options.redactor),
      joiner: options.joiner,
      budget: new Budget(BUDGET),
      captureContent: options.captureContent ?? false,
      toolArgs: options.toolArgs ?? true,
      isNew: (key) => this.#isNew(key),
      emit: (event) => this.#emit(event),
    };
  }

  /** What is known of a connection, as often as more is known. */
  peer(peer: Peer): void {
    const connection = this.#connections.get(peer.connection);
    if (connection !== undefined) connection.peer = peer;
    else remember(this.#peers, peer.connection, peer, CONNECTIONS_MAX);
  }

  /** A piece of plaintext. */
  chunk(chunk: Chunk): void {
    this.#connection(chunk).chunk(chunk);
    this.#rethrow();
  }

  /** The end of a connection; what of it was unfinished is told. */
  end({ connection: id }: Pick<ConnectionEnd, 'connection'>): void {
    const connection = this.#connections.get(id);
    this.#connections.delete(id);
    this.#peers.delete(id);
    connection?.end();
    this.#rethrow();
  }

  /** The end of all of them. */
  close(): void {
    for (const id of [...this.#connections.keys()]) this.end({ connection: id });
  }

  #connection(chunk: Chunk): Connection {
    const { connection: id } = chunk;
    let connection = this.#connections.get(id);
    if (connection === undefined) {
      const peer = this.#peers.get(id) ?? { connection: id, joined: false };
      this.#peers.delete(id);
      const { agentId, timestamp } = this.#options;
      connection = new Connection(new Reporter(this.#room, agentId, timestamp, chunk, peer));
    }
    this.#connections.delete(id);
    this.#connections.set(id, connection);
    if (this.#connections.size > CONNECTIONS_MAX) {
      const [oldest] = this.#connections.keys();
      this.end({ connection: oldest as string });
    }
    return connection;
  }

  #emit(event: EventDraft): number | undefined {
    try {
      return this.#options.emit(event);
    } catch (error) {
      this.#failure ??= error;
      return undefined;
    }
  }

  #rethrow(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #isNew(key: string): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    if (this.#seen.size > SEEN_MAX) this.#seen.delete(this.#seen.values().next().value as string);
    return true;
  }
}

/** The oldest is forgotten where there are too many. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value as string);
}
