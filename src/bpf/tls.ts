import type { Chunk, ConnectionEnd, Peer } from '../tls/chunk.js';
import type { Tls, TlsBegin, TlsData, TlsEnd, TlsPeer } from './protocol.js';

/** What becomes of plaintext: called in the order in which things happened. Must not throw. */
export interface TlsSink {
  chunk(chunk: Chunk): void;
  /** With all that is known of the connection so far; again when more is. */
  peer(peer: Peer): void;
  end(end: ConnectionEnd): void;
}

/** As many as the kernel keeps: of what is left when there are more, nobody will hear again. */
const CONNECTIONS = 65_536;

interface Known {
  pid: number;
  start_us: number;
  peer: Peer;
}

/** Makes chunks, peers and ends of the loader's messages. The end of a process is the end of each of its connections. */
export class TlsReader {
  readonly #known = new Map<string, Known>();

  constructor(
    private readonly sink: TlsSink,
    private readonly limit = CONNECTIONS,
  ) {}

  /** Bytes that came with a `tls_data`, in their order, and how many of them are still to come. */
  data(message: TlsData, bytes: Buffer, left: number): void {
    this.sink.chunk(chunkOf(message, bytes, left));
  }

  read(message: Exclude<Tls, TlsData>): void {
    switch (message.msg) {
      case 'tls_begin':
        this.#begin(message);
        break;
      case 'tls_name':
        this.#learn(message.connection, { server_name: message.name });
        break;
      case 'tls_peer':
        this.#learn(message.connection, ends(message));
        break;
      case 'tls_end':
        if (message.connection === '0') this.#endAll(message);
        else this.#end(message.connection, message.ts_us);
    }
  }

  #begin({ connection, pid, start_us, ts_us, joined, library }: TlsBegin): void {
    const peer: Peer = { connection, joined, ...(library === undefined ? {} : { library }) };
    this.#known.set(connection, { pid, start_us, peer });
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.limit && oldest !== undefined) this.#end(oldest, ts_us);
    this.sink.peer(peer);
  }

  #learn(connection: string, more: Partial<Peer>): void {
    const known = this.#known.get(connection);
    if (known === undefined) return;
    known.peer = { ...known.peer, ...more };
    this.sink.peer(known.peer);
  }

  #end(connection: string, ts_us: number): void {
    const known = this.#known.get(connection);
    if (!this.#known.delete(connection) || known === undefined) return;
    this.sink.end({ ts_us, pid: known.pid, start_us: known.start_us, connection });
  }

  #endAll({ pid, start_us, ts_us }: TlsEnd): void {
    for (const [connection, known] of this.#known)
      if (known.pid === pid && known.start_us === start_us) this.#end(connection, ts_us);
  }
}

const ends = ({ dest_ip, dest_port, local_ip, local_port }: TlsPeer): Partial<Peer> => ({
  ...(dest_ip !== undefined && dest_port !== undefined && { dest_ip, dest_port }),
  ...(local_ip !== undefined && local_port !== undefined && { local_ip, local_port }),
});

const chunkOf = (data: TlsData, bytes: Buffer, left: number): Chunk => ({
  ts_us: data.ts_us,
  pid: data.pid,
  tid: data.tid,
  start_us: data.start_us,
  comm: data.comm,
  connection: data.connection,
  direction: data.direction,
  offset: data.offset + data.bytes - left - bytes.length,
  bytes,
  more: data.more + left,
});
