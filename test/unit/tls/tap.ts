// Bytes of real clients and servers, as the capture would give them: a relay between the two writes them down.
import { mkdtempSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Joiner, Origins } from '../../../src/cause/index.js';
import { type AgentEvent, checkEvent, openRedactor } from '../../../src/events/index.js';
import { type Chunk, type ConversationOptions, Conversations, type Peer } from '../../../src/tls/index.js';

/** What one side wrote at once. */
export interface Turn {
  readonly direction: 'in' | 'out';
  readonly bytes: Buffer;
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

/** Lets `client` talk to `server` (which listens already, or not) and gives what each connection said, in order. */
export async function recorded(server: Server, client: (port: number) => Promise<unknown>): Promise<Turn[][]> {
  const port = server.listening ? (server.address() as AddressInfo).port : await listen(server);
  const connections: Turn[][] = [];
  const relay = createServer((near) => {
    const turns: Turn[] = [];
    connections.push(turns);
    const far = connect(port, '127.0.0.1');
    near.on('data', (bytes) => {
      turns.push({ direction: 'out', bytes });
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      turns.push({ direction: 'in', bytes });
      near.write(bytes);
    });
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    near.on('error', () => {});
    far.on('error', () => {});
  });
  try {
    await client(await listen(relay));
  } finally {
    relay.close();
    server.close();
    if ('closeAllConnections' in server) (server.closeAllConnections as () => void)();
  }
  return connections;
}

export const redactor = openRedactor({ keyFile: join(mkdtempSync(join(tmpdir(), 'agentgov-tls-')), 'credential.key') });

/** Chunks of turns, each turn being a call; `size`: a call's chunks have so many bytes at most. */
export function chunksOf(turns: readonly Turn[], connection = 'c1', size = 16_384): Chunk[] {
  const offsets = { in: 0, out: 0 };
  let ts = 1_000_000;
  return turns.flatMap(({ direction, bytes }) => {
    const chunks: Chunk[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      const part = bytes.subarray(at, at + size);
      const more = bytes.length - at - part.length;
      ts += 10;
      const who = { pid: 4242, tid: 4243, start_us: 77, comm: 'agent' };
      chunks.push({ ...who, ts_us: ts, connection, direction, offset: offsets[direction], bytes: part, more });
      offsets[direction] += part.length;
    }
    return chunks;
  });
}

/** The chunks from there on, as they are when capture begins in the middle: the kernel counts from the first call it sees. */
export function joinedAt(chunks: readonly Chunk[], from: number): Chunk[] {
  const base = { in: -1, out: -1 };
  return chunks.slice(from).map((chunk) => {
    if (base[chunk.direction] < 0) base[chunk.direction] = chunk.offset;
    return { ...chunk, offset: chunk.offset - base[chunk.direction] };
  });
}

export interface Heard {
  readonly events: AgentEvent[];
  /** All events of a type. */
  of(type: string): AgentEvent[];
  /** The only one. */
  one(type: string): AgentEvent;
}

/** What is made of chunks: the events, each held to the registry. */
export function hear(
  chunks: Iterable<Chunk>,
  options: Partial<ConversationOptions> = {},
  peers: readonly Peer[] = [],
): Heard {
  const events: AgentEvent[] = [];
  const conversations = new Conversations({
    agentId: 'a',
    redactor,
    joiner: new Joiner(new Origins(redactor)),
    timestamp: () => '2026-04-14T09:23:01.234Z',
    emit: (event) => {
      const faults = checkEvent(event, { draft: true });
      if (faults.length > 0) throw new Error(faults.map(({ text }) => text).join('; '));
      events.push({ ...(event as AgentEvent), seq: events.length + 1 });
      return events.length;
    },
    ...options,
  });
  for (const peer of peers) conversations.peer(peer);
  for (const chunk of chunks) conversations.chunk(chunk);
  conversations.close();
  const of = (type: string) => events.filter(({ event_type }) => event_type === type);
  return {
    events,
    of,
    one: (type) => {
      const found = of(type);
      if (found.length !== 1)
        throw new Error(`${found.length} events of type ${type}: ${JSON.stringify(events, null, 1)}`);
      return found[0] as AgentEvent;
    },
  };
}
