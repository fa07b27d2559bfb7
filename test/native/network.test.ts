// Who was called, by whom, under which name, and how many bytes went each way: judged by the other end's own counts.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../scale.js';
import {
  canary,
  type Done,
  dnsQuestion,
  dnsServer,
  doneByLabel,
  type Event,
  inet4,
  inet6,
  loopback6,
  messages,
  monitored,
  NR,
  program,
  readRecord,
  result,
  Script,
  type Session,
  scratch,
  type TcpPeer,
  tcpPeer,
  type UdpPeer,
  udpPeer,
  unix,
  unixPeer,
  type Zone,
} from '../support/index.js';

const folder = scratch();
const draw = random('network');
const below = (limit: number): number => Math.floor(draw() * limit);

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const STREAM = 1;
const DGRAM = 2;
const NONBLOCK = 0o4000;
const FASTOPEN = 0x20000000;
const SHUT_WR = 1;
const EINPROGRESS = 115;
const ECONNREFUSED = 111;
const EADDRINUSE = 98;

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function runScript(script: Script): Promise<{ session: Session; done: Map<string, Done> }> {
  const file = join(folder, canary());
  writeFileSync(file, script.toString());
  const session = await monitored([program('syscalls'), `${file}.record`, file]);
  expect(session.code, session.stderr).toBe(0);
  return { session, done: doneByLabel(readRecord(`${file}.record`)) };
}

/** A whole conversation on a new stream socket. */
function conversation(script: Script, label: string, family: number, to: Buffer, bytes: number): Script {
  return script
    .call(`${label}-socket=s`, NR.socket, family, STREAM, 0)
    .call(label, NR.connect, result('s'), to, to.length)
    .send(`${label}-send`, result('s'), bytes)
    .call(`${label}-shutdown`, NR.shutdown, result('s'), SHUT_WR)
    .recv(`${label}-recv`, result('s'))
    .call(`${label}-close`, NR.close, result('s'));
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
    conversation(script, 'tcp4', AF_INET, v4, sizes.tcp4);
    conversation(script, 'tcp6', AF_INET6, inet6(loopback6, peer6.port), sizes.tcp6);
    conversation(script, 'mapped', AF_INET6, mapped, sizes.mapped);
    conversation(script, 'empty', AF_INET, v4, sizes.empty);
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
    ({ session, done } = await runScript(script));
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

describe('names', () => {
  const server = `127.53.${1 + below(200)}.${1 + below(200)}`;
  const address = (): string => `127.${60 + below(60)}.${below(250)}.${1 + below(250)}`;
  const names = {
    plain: `plain.${canary()}.example`,
    alias: `alias.${canary()}.example`,
    target: `target.${canary()}.example`,
    six: `six.${canary()}.example`,
    long: `long.${canary()}.example`,
    absent: `absent.${canary()}.example`,
    resolver: `resolver.${canary()}.example`,
    outside: `outside.${canary()}.example`,
    connected: `connected.${canary()}.example`,
  };
  const addresses = { plain: address(), alias: address(), long: address(), resolver: address(), connected: address() };
  const many = Array.from({ length: 40 }, () => address());
  let peer: TcpPeer;
  let peer6: TcpPeer;
  let session: Session;
  let done: Map<string, Done>;
  let asked: string[];

  beforeAll(async () => {
    const zones = new Map<string, Zone>([
      [names.plain, { answers: [{ name: names.plain, type: 'A', ttl: 60, data: addresses.plain }] }],
      [names.connected, { answers: [{ name: names.connected, type: 'A', ttl: 60, data: addresses.connected }] }],
      [names.outside, { answers: [{ name: names.outside, type: 'A', ttl: 60, data: address() }] }],
      [names.resolver, { answers: [{ name: names.resolver, type: 'A', ttl: 60, data: addresses.resolver }] }],
      [
        names.alias,
        {
          answers: [
            { name: names.alias, type: 'CNAME', ttl: 60, data: names.target },
            { name: names.target, type: 'A', ttl: 60, data: addresses.alias },
          ],
        },
      ],
      [names.six, { answers: [{ name: names.six, type: 'AAAA', ttl: 60, data: '::1' }] }],
      [
        names.long,
        {
          truncate: true,
          answers: [...many, addresses.long].map((data) => ({ name: names.long, type: 'A', ttl: 60, data })),
        },
      ],
    ]);
    ({ asked } = await dnsServer(server, zones));
    peer = await tcpPeer('0.0.0.0', 10);
    peer6 = await tcpPeer('::1', 10);

    // Somebody outside asks too, at the same time and over the same interface.
    const stranger = createSocket('udp4');
    const ask = (): void => stranger.send(dnsQuestion(names.outside, 'A'), 53, server);
    ask();
    const asking = setInterval(ask, 20);

    const script = new Script();
    const to = inet4(server, 53);
    const answer = Buffer.alloc(4096);
    const query = (label: string, name: string, type: 'A' | 'AAAA'): Script => {
      const question = dnsQuestion(name, type);
      return script
        .call(`${label}-socket=d`, NR.socket, AF_INET, DGRAM, 0)
        .call(`${label}-ask`, NR.sendto, result('d'), question, question.length, 0, to, 16)
        .call(`${label}-answer`, NR.recvfrom, result('d'), answer, answer.length, 0, 0, 0)
        .call(`${label}-close`, NR.close, result('d'));
    };
    query('plain', names.plain, 'A');
    conversation(script, 'plain', AF_INET, inet4(addresses.plain, peer.port), 5);
    query('alias', names.alias, 'A');
    conversation(script, 'alias', AF_INET, inet4(addresses.alias, peer.port), 5);
    query('six', names.six, 'AAAA');
    conversation(script, 'six', AF_INET6, inet6(loopback6, peer6.port), 5);
    query('absent', names.absent, 'A');

    // As a resolver does it: a connected socket, no address in the send.
    const question = dnsQuestion(names.connected, 'A');
    script
      .call('connected-socket=d', NR.socket, AF_INET, DGRAM, 0)
      .call('connected-connect', NR.connect, result('d'), to, 16)
      .call('connected-ask', NR.sendto, result('d'), question, question.length, 0, 0, 0)
      .call('connected-answer', NR.recvfrom, result('d'), answer, answer.length, 0, 0, 0);
    conversation(script, 'connected', AF_INET, inet4(addresses.connected, peer.port), 5);

    // Truncated over UDP, whole over TCP; the length comes in a segment of its own.
    query('long', names.long, 'A');
    const long = dnsQuestion(names.long, 'A');
    const length = Buffer.from([0, long.length]);
    script
      .call('tcp-socket=t', NR.socket, AF_INET, STREAM, 0)
      .call('tcp-connect', NR.connect, result('t'), to, 16)
      .call('tcp-length', NR.sendto, result('t'), length, 2, 0, 0, 0)
      .call('tcp-ask', NR.sendto, result('t'), long, long.length, 0, 0, 0)
      .recv('tcp-answer', result('t'));
    conversation(script, 'long', AF_INET, inet4(addresses.long, peer.port), 5);
    conversation(script, 'local', AF_INET, inet4('127.0.0.1', peer.port), 5);
    try {
      ({ session, done } = await runScript(script));
    } finally {
      clearInterval(asking);
      stranger.close();
    }
  });

  it('were asked for as the test thinks', () => {
    expect([...done].filter(([, { status }]) => status !== 0)).toEqual([]);
    expect(asked).toContain(names.outside);
    expect(done.get('tcp-answer')?.result).toBeGreaterThan(512);
  });

  it.each([
    ['plain', names.plain, 'A', 'udp', 'NOERROR'],
    ['alias', names.alias, 'A', 'udp', 'NOERROR'],
    ['six', names.six, 'AAAA', 'udp', 'NOERROR'],
    ['absent', names.absent, 'A', 'udp', 'NXDOMAIN'],
    ['connected', names.connected, 'A', 'udp', 'NOERROR'],
    ['long', names.long, 'A', 'tcp', 'NOERROR'],
  ])('have their answer in the log: %s', (_, name, query_type, protocol, rcode) => {
    const events = session.events.filter(
      (event) => event.event_type === 'dns_answer' && event.dest_domain === name && event.protocol === protocol,
    );
    expect(events.length).toBe(1);
    const pid = done.get('plain-ask')?.pid;
    expect(events[0]).toMatchObject({ pid, query_type, rcode, server_ip: server, server_port: 53 });
  });

  it('have the records of the answer, in order', () => {
    const event = session.events.find(
      ({ event_type, dest_domain }) => event_type === 'dns_answer' && dest_domain === names.alias,
    );
    expect(event?.answers).toEqual([`CNAME ${names.target}`, `A ${addresses.alias}`]);
  });

  it.each(['plain', 'alias', 'long', 'connected'] as const)('explain the connect that follows: %s', (label) => {
    const event = session.events.find(
      ({ event_type, dest_ip }) => event_type === 'network_connect' && dest_ip === addresses[label],
    );
    expect(event?.dest_domain).toBe(names[label]);
    const end = session.events.find(
      ({ event_type, dest_ip }) => event_type === 'network_close' && dest_ip === addresses[label],
    );
    expect(end?.dest_domain).toBe(names[label]);
  });

  it('explain a connect over IPv6', () => {
    const event = session.events.find(
      ({ event_type, dest_port }) => event_type === 'network_connect' && dest_port === peer6.port,
    );
    expect(event?.dest_domain).toBe(names.six);
  });

  it('come from /etc/hosts where nobody had to ask', () => {
    const hosts = readFileSync('/etc/hosts', 'utf8')
      .split('\n')
      .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
      .filter(([ip]) => ip === '127.0.0.1')
      .flatMap(([, ...known]) => known);
    const event = session.events.find(
      ({ event_type, dest_ip, dest_port }) =>
        event_type === 'network_connect' && dest_ip === '127.0.0.1' && dest_port === peer.port,
    );
    expect(event).toBeDefined();
    expect(hosts).toContain(event?.dest_domain);
  });

  it('that others ask for are not in the log', () => {
    expect(session.log.includes(names.outside)).toBe(false);
  });

  it('are known when the system’s own resolver asks', async () => {
    const resolv = join(folder, 'resolv.conf');
    writeFileSync(resolv, `nameserver ${server}\n`);
    const code = 'require("net").connect({host: process.argv[1], port: Number(process.argv[2])}).resume()';
    const asNode = [process.execPath, '-e', code, names.resolver, String(peer.port)];
    // In a mount namespace of its own, so that the machine's resolver stays as it is.
    const shell = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
    const own = await monitored(['unshare', '--mount', 'sh', '-c', shell, resolv, ...asNode]);
    expect(own.code, own.stderr).toBe(0);
    const connects = own.events.filter(
      ({ event_type, dest_ip }) => event_type === 'network_connect' && dest_ip === addresses.resolver,
    );
    expect(connects.map(({ dest_domain }) => dest_domain)).toContain(names.resolver);
    const answers = own.events.filter(({ event_type }) => event_type === 'dns_answer');
    expect(answers.map(({ dest_domain }) => dest_domain)).toContain(names.resolver);
  });
});
