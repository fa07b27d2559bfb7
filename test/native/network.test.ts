// Who was called, by whom, and how many bytes went each way: judged by the other end's own counts.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../scale.js';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  canary,
  DGRAM,
  type Done,
  type Event,
  inet4,
  inet6,
  loopback6,
  messages,
  NR,
  perform,
  result,
  Script,
  type Session,
  SHUT_WR,
  STREAM,
  scratch,
  type TcpPeer,
  tcpPeer,
  type UdpPeer,
  udpPeer,
  unix,
  unixPeer,
} from '../support/index.js';

const folder = scratch();
const draw = random('network');
const below = (limit: number): number => Math.floor(draw() * limit);

const NONBLOCK = 0o4000;
const FASTOPEN = 0x20000000;
const { EADDRINUSE, ECONNREFUSED, EINPROGRESS } = constants.errno;

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

describe('connections', () => {
  const reply = 1 + below(300_000);
  const sizes = { tcp4: 1 + below(400_000), tcp6: below(70_000), mapped: 1, fast: 500, killed: 12_345, empty: 0 };
  const abstract = Buffer.from(`\0${canary()}`);
  const socketFile = join(folder, 'listening');
  let peer4: TcpPeer;
  let peer6: TcpPeer;
  let udp4: UdpPeer;
  let udpOther: UdpPeer;
  let udp6: UdpPeer;
  let closed: number;
  let free: number;
  let session: Session;
  let done: Map<string, Done>;

  beforeAll(async () => {
    peer4 = await tcpPeer('127.0.0.1', reply);
    peer6 = await tcpPeer('::1', reply);
    udp4 = await udpPeer('127.0.0.1');
    udpOther = await udpPeer('127.0.0.1');
    udp6 = await udpPeer('::1');
    await unixPeer(socketFile);
    closed = await unusedPort();
    free = await unusedPort();

    const script = new Script();
    const v4 = inet4('127.0.0.1', peer4.port);
    const mapped = inet6(Buffer.from('00000000000000000000ffff7f000001', 'hex'), peer4.port);
    script.converse('tcp4', AF_INET, v4, sizes.tcp4);
    script.converse('tcp6', AF_INET6, inet6(loopback6, peer6.port), sizes.tcp6);
    script.converse('mapped', AF_INET6, mapped, sizes.mapped);
    script.converse('empty', AF_INET, v4, sizes.empty);
    script
      .call('fast-socket=s', NR.socket, AF_INET, STREAM, 0)
      .call('fast', NR.sendto, result('s'), Buffer.alloc(sizes.fast, 'f'), sizes.fast, FASTOPEN, v4, 16)
      .call('fast-shutdown', NR.shutdown, result('s'), SHUT_WR)
      .recv('fast-recv', result('s'))
      .call('fast-close', NR.close, result('s'))
      .fork('killed', (child) =>
        child
          .call('killed-socket=s', NR.socket, AF_INET, STREAM, 0)
          .call('killed-connect', NR.connect, result('s'), v4, 16)
          .send('killed-send', result('s'), sizes.killed)
          .call('killed-shutdown', NR.shutdown, result('s'), SHUT_WR)
          .recv('killed-recv', result('s'))
          .raise(9),
      )
      .call('waiting-socket=s', NR.socket, AF_INET, STREAM | NONBLOCK, 0)
      .call('waiting', NR.connect, result('s'), inet4('127.0.0.2', peer4.port), 16)
      .call('refused-socket=s', NR.socket, AF_INET, STREAM, 0)
      .call('refused', NR.connect, result('s'), inet4('127.0.0.1', closed), 16)
      .call('udp-socket=s', NR.socket, AF_INET, DGRAM, 0)
      .call('udp', NR.connect, result('s'), inet4('127.0.0.1', udp4.port), 16)
      .send('udp-send', result('s'), 33)
      .call('sendto-socket=u', NR.socket, AF_INET, DGRAM, 0)
      .call('sendto', NR.sendto, result('u'), Buffer.alloc(44), 44, 0, inet4('127.0.0.1', udp4.port), 16)
      .call('sendto-other', NR.sendto, result('u'), Buffer.alloc(45), 45, 0, inet4('127.0.0.1', udpOther.port), 16)
      .call('sendmsg-socket=m', NR.socket, AF_INET, DGRAM, 0)
      .call(
        'sendmsg',
        NR.sendmsg,
        result('m'),
        messages([{ to: inet4('127.0.0.1', udpOther.port), data: Buffer.alloc(46) }]),
        0,
      )
      .call('sendmmsg-socket=n', NR.socket, AF_INET6, DGRAM, 0)
      .call(
        'sendmmsg',
        NR.sendmmsg,
        result('n'),
        messages([
          { to: inet6(loopback6, udp6.port), data: Buffer.alloc(47) },
          { to: inet6(Buffer.from('00000000000000000000ffff7f000001', 'hex'), udp4.port), data: Buffer.alloc(48) },
        ]),
        2,
        0,
      )
      .call('bind-socket=b', NR.socket, AF_INET, STREAM, 0)
      .call('bind', NR.bind, result('b'), inet4('127.0.0.1', free), 16)
      .call('listen', NR.listen, result('b'), 5)
      .call('taken-socket=s', NR.socket, AF_INET, STREAM, 0)
      .call('taken', NR.bind, result('s'), inet4('127.0.0.1', peer4.port), 16)
      .call('path-socket=s', NR.socket, AF_UNIX, STREAM, 0)
      .call('path', NR.connect, result('s'), unix(socketFile), 3 + socketFile.length)
      .call('abstract-server=a', NR.socket, AF_UNIX, STREAM, 0)
      .call('abstract-bind', NR.bind, result('a'), unix(abstract), 2 + abstract.length)
      .call('abstract-listen', NR.listen, result('a'), 5)
      .call('abstract-socket=s', NR.socket, AF_UNIX, STREAM, 0)
      .call('abstract', NR.connect, result('s'), unix(abstract), 2 + abstract.length)
      .call('nobody-socket=s', NR.socket, AF_UNIX, STREAM, 0)
      .call('nobody', NR.connect, result('s'), unix(`${folder}/nobody`), 3 + `${folder}/nobody`.length);
    ({ session, done } = await perform(folder, script));
  });

  const of = (label: string, types: string[], wanted: Partial<Event>): Event => {
    const pid = done.get(label)?.pid;
    const found = session.events.filter(
      (event) =>
        event.pid === pid &&
        types.includes(event.event_type) &&
        Object.entries(wanted).every(([field, value]) => event[field] === value),
    );
    const near = session.events.filter(({ event_type }) => /^(network|unix)_/.test(event_type));
    expect(found.length, `${label} ${JSON.stringify(wanted)} among ${JSON.stringify(near, null, 1)}`).toBe(1);
    return found[0] as Event;
  };

  it('were made as the test thinks', () => {
    const statuses = [...done].filter(([, { status }]) => status !== 0).map(([label, { status }]) => [label, status]);
    expect(statuses).toEqual([
      ['killed', -9],
      ['waiting', EINPROGRESS],
      ['refused', ECONNREFUSED],
      ['taken', EADDRINUSE],
      ['nobody', 2],
    ]);
    expect(done.get('sendmmsg')?.result).toBe(2);
  });

  it('name the destination of TCP over IPv4 and IPv6', () => {
    const to4 = peer4.served.map(({ remotePort }) => remotePort);
    expect(to4.length).toBeGreaterThanOrEqual(5);
    const connects = session.events.filter(
      ({ event_type, dest_port, dest_ip }) =>
        event_type === 'network_connect' && dest_port === peer4.port && dest_ip === '127.0.0.1',
    );
    expect(connects.every(({ protocol, errno }) => protocol === 'tcp' && errno === undefined)).toBe(true);
    // A send that is the connect (TCP fast open) does not say it.
    const own = connects.filter(({ syscall }) => syscall === 'connect').map(({ local_port }) => local_port);
    expect(to4).toEqual(expect.arrayContaining(own));
    expect(own.length).toBeGreaterThan(2);
    of('tcp6', ['network_connect'], { dest_ip: '::1', dest_port: peer6.port, protocol: 'tcp' });
    const mapped = session.events.find(({ dest_ip }) => dest_ip === '::ffff:127.0.0.1');
    const asV4 = connects.filter(({ pid }) => pid === done.get('mapped')?.pid);
    expect(mapped ?? asV4[0]).toBeDefined();
  });

  it('are told when they fail or go on in the background', () => {
    of('refused', ['network_connect'], { dest_ip: '127.0.0.1', dest_port: closed, errno: ECONNREFUSED });
    of('waiting', ['network_connect'], { dest_ip: '127.0.0.2', dest_port: peer4.port, errno: EINPROGRESS });
  });

  it('are told where a send is the connect (TCP fast open)', () => {
    const event = session.events.find(({ syscall, protocol }) => syscall === 'sendto' && protocol === 'tcp');
    expect(event).toMatchObject({ dest_ip: '127.0.0.1', dest_port: peer4.port, pid: done.get('fast')?.pid });
  });

  it('are told for UDP, connected and not', () => {
    of('udp', ['network_connect'], { dest_ip: '127.0.0.1', dest_port: udp4.port, protocol: 'udp' });
    of('sendto', ['network_send'], { dest_ip: '127.0.0.1', dest_port: udp4.port, protocol: 'udp', syscall: 'sendto' });
    of('sendto-other', ['network_send'], { dest_port: udpOther.port, protocol: 'udp', syscall: 'sendto' });
    of('sendmmsg', ['network_send'], { dest_ip: '::1', dest_port: udp6.port, protocol: 'udp', syscall: 'sendmmsg' });
    // The second address of one sendmmsg is as much a destination as the first.
    const second = session.events.filter(({ syscall, dest_port }) => syscall === 'sendmmsg' && dest_port === udp4.port);
    expect(second.map(({ dest_ip }) => dest_ip?.replace('::ffff:', ''))).toEqual(['127.0.0.1']);
    expect(udp4.received.map(({ bytes }) => bytes).sort()).toEqual([33, 44, 48]);
    expect(udpOther.received.map(({ bytes }) => bytes).sort()).toEqual([45, 46]);
    expect(udp6.received.map(({ bytes }) => bytes)).toEqual([47]);
  });

  it('tell every destination of sendmsg, as an event or in a count', () => {
    const sent = session.events.filter(
      ({ event_type, dest_port }) => event_type === 'network_send' && dest_port === udpOther.port,
    );
    expect(sent.reduce((sum, { count }) => sum + (count ?? 1), 0)).toBe(2);
  });

  it('are offered by bind and listen', () => {
    of('bind', ['network_bind'], { local_ip: '127.0.0.1', local_port: free, protocol: 'tcp' });
    of('listen', ['network_listen'], { local_ip: '127.0.0.1', local_port: free, protocol: 'tcp' });
    of('taken', ['network_bind'], { local_port: peer4.port, errno: EADDRINUSE });
  });

  it('to local sockets have their path or abstract name', () => {
    of('path', ['unix_connect'], { path: socketFile, protocol: 'unix-stream' });
    of('abstract', ['unix_connect'], { path: `@${abstract.subarray(1)}`, protocol: 'unix-stream' });
    of('nobody', ['unix_connect'], { path: `${folder}/nobody`, errno: 2 });
  });

  it('end with the bytes that the peer counted', () => {
    const truth = [...peer4.served, ...peer6.served].filter(({ received, sent }) => received + sent > 0);
    const local = new Map(truth.map((served) => [served.remotePort, served]));
    expect(truth.map(({ received }) => received).sort()).toEqual(
      [sizes.tcp4, sizes.tcp6, sizes.mapped, sizes.fast, sizes.killed, sizes.empty].sort(),
    );
    const closes = session.events.filter(({ event_type }) => event_type === 'network_close');
    for (const label of Object.keys(sizes) as (keyof typeof sizes)[]) {
      const pid = done.get(label)?.pid;
      const bytes = sizes[label];
      const matching = closes.filter(
        (event) => event.pid === pid && event.bytes_out === bytes && event.bytes_in === reply,
      );
      expect(matching.length, `${label}: ${bytes} out, ${reply} in, among ${JSON.stringify(closes, null, 1)}`).toBe(1);
      const port = matching[0]?.local_port;
      if (port !== undefined) expect(local.get(port)?.received).toBe(bytes);
    }
    expect(session.events.filter(({ event_type }) => event_type === 'events_lost')).toEqual([]);
  });
});
