// The other ends of connections. They live in the test's own process, outside any governed tree, and count for themselves.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll } from 'vitest';

/** One connection as its server counted it. */
export interface Served {
  remotePort: number;
  received: number;
  sent: number;
  closed: boolean;
}

export interface TcpPeer {
  port: number;
  served: Served[];
}

function closeLater(close: () => unknown): void {
  afterAll(() => {
    close();
  });
}

async function listening(server: Server, where: { port: number; host: string } | { path: string }): Promise<void> {
  server.listen(where);
  await once(server, 'listening');
}

/** A TCP server that answers each connection with `reply` bytes and counts to the end of both directions. */
export async function tcpPeer(host: string, reply: number, port = 0): Promise<TcpPeer> {
  const served: Served[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    const entry: Served = { remotePort: socket.remotePort ?? 0, received: 0, sent: 0, closed: false };
    served.push(entry);
    socket.on('data', (chunk) => {
      entry.received += chunk.length;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      entry.closed = true;
    });
    socket.end(Buffer.alloc(reply, 'r'), () => {
      entry.sent = reply;
    });
  });
  await listening(server, { port, host });
  closeLater(() => server.close());
  return { port: (server.address() as AddressInfo).port, served };
}

/** A server on a unix socket. */
export async function unixPeer(path: string): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => {}).end());
  await listening(server, { path });
  closeLater(() => server.close());
}

export interface UdpPeer {
  port: number;
  received: { bytes: number; from: RemoteInfo }[];
}

async function bound(host: string, port: number): Promise<UdpSocket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, host);
  await once(socket, 'listening');
  closeLater(() => socket.close());
  return socket;
}

export async function udpPeer(host: string): Promise<UdpPeer> {
  const received: UdpPeer['received'] = [];
  const socket = await bound(host, 0);
  socket.on('message', (data, from) => received.push({ bytes: data.length, from }));
  return { port: socket.address().port, received };
}

/** A resource record: an address, or the target of a CNAME. */
export interface Answer {
  name: string;
  type: 'A' | 'AAAA' | 'CNAME';
  ttl: number;
  data: string;
}

/** What the server says to a question: `truncate` = an empty answer with TC over UDP, so that one asks again over TCP. */
export interface Zone {
  answers: Answer[];
  rcode?: number;
  truncate?: boolean;
}

const typeNumber = { A: 1, AAAA: 28, CNAME: 5 } as const;

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

function encodeData(answer: Answer): Buffer {
  if (answer.type === 'CNAME') return encodeName(answer.data);
  if (answer.type === 'A') return Buffer.from(answer.data.split('.').map(Number));
  const [head = '', tail] = answer.data.split('::');
  const groups = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const before = groups(head);
  const after = groups(tail);
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...before, ...zeros, ...after].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  return bytes;
}

/** A question, as a resolver sends it (RFC 1035 section 4.1). */
export function dnsQuestion(name: string, type: 'A' | 'AAAA', id = 0x1234): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  return Buffer.concat([header, encodeName(name), Buffer.from([0, typeNumber[type], 0, 1])]);
}

function questionName(query: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 5 };
}

function dnsReply(query: Buffer, zone: Zone | undefined, overUdp: boolean): Buffer {
  const { name, end } = questionName(query);
  const truncated = overUdp && zone?.truncate === true;
  const answers = truncated ? [] : (zone?.answers ?? []);
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | (zone ? (zone.rcode ?? 0) : 3), 2);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt32BE(0, 8);
  const records = answers.map((answer) => {
    const data = encodeData(answer);
    const fixed = Buffer.alloc(10);
    fixed.writeUInt16BE(typeNumber[answer.type], 0);
    fixed.writeUInt16BE(1, 2);
    fixed.writeUInt32BE(answer.ttl, 4);
    fixed.writeUInt16BE(data.length, 8);
    // The asked name is written as a pointer to the question, as every real server does.
    return Buffer.concat([answer.name === name ? Buffer.from([0xc0, 0x0c]) : encodeName(answer.name), fixed, data]);
  });
  return Buffer.concat([header, query.subarray(12, end), ...records]);
}

/** A DNS server over UDP and TCP on port 53 of `host`; names that `zones` does not hold do not exist. */
export async function dnsServer(host: string, zones: Map<string, Zone>): Promise<{ asked: string[] }> {
  const asked: string[] = [];
  const reply = (query: Buffer, overUdp: boolean): Buffer => {
    const { name } = questionName(query);
    asked.push(name);
    return dnsReply(query, zones.get(name), overUdp);
  };
  const udp = await bound(host, 53);
  udp.on('message', (query, from) => udp.send(reply(query, true), from.port, from.address));
  const tcp = createServer((socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return;
      const answer = reply(bytes.subarray(2), false);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length, 0);
      socket.end(Buffer.concat([length, answer]));
    });
  });
  await listening(tcp, { port: 53, host });
  closeLater(() => tcp.close());
  return { asked };
}
