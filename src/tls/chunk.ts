/**
 * A piece of plaintext as it left or reached a TLS library, or a socket without TLS: the contract between what captures (the loader, through
 * `src/bpf`) and what understands (this room).
 */
export interface Chunk {
  /** CLOCK_BOOTTIME of the call's return, microseconds. */
  ts_us: number;
  pid: number;
  tid: number;
  /** With `pid` the process's identity; boot time, microseconds. */
  start_us: number;
  comm: string;
  /** Names one connection of one process identity for good: an SSL object's address is used again, this is not. */
  connection: string;
  /** `out`: the governed process wrote it. */
  direction: 'in' | 'out';
  /** Position of the first byte in this direction of the connection, counted by the kernel from the first call seen. */
  offset: number;
  /** A view of a larger buffer: whoever keeps them copies them. */
  bytes: Buffer;
  /**
   * How many bytes follow in further chunks up to the end of a call; 0 where one ends with this. Calls that filled a whole
   * TLS record each may come as one.
   */
  more: number;
}

/** The end of a connection: its TLS object was freed, its process ended, or nobody can say any more. */
export interface ConnectionEnd {
  ts_us: number;
  pid: number;
  start_us: number;
  connection: string;
}

/** What is known of the connection beside its bytes; each may come late, or never. */
export interface Peer {
  connection: string;
  /** The server name that the client asked for (SNI). */
  server_name?: string;
  dest_ip?: string;
  dest_port?: number;
  /** Its own end of the socket. */
  local_ip?: string;
  local_port?: number;
  dest_domain?: string;
  /** The library, as in `tls_coverage`; `plain` where there is none: HTTP without TLS. */
  library?: string;
  /** `true` when capture began in the middle of the connection: its first bytes are not the first of the stream. */
  joined: boolean;
}
