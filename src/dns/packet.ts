/** A packet from a name server to a process of the tree: who received it, when, and from which server. */
export interface DnsPacket {
  readonly server_ip: string;
  readonly server_port: number;
  readonly protocol: 'udp' | 'tcp';
  /** Payload bytes on the wire; `data` may hold fewer. */
  readonly length: number;
  /** The beginning of the payload, base64. */
  readonly data: string;
  /** The connection that it belongs to, whatever identifies it; without it a TCP segment is read by itself. */
  readonly socket?: unknown;
  /** Process fields as in any event: `pid`, `timestamp`, `comm`, … */
  readonly [field: string]: unknown;
}
