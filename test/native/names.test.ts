// Under which name an address was asked for: judged by the name server's own zones.
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { random } from '../scale.js';
import {
  AF_INET,
  AF_INET6,
  canary,
  DGRAM,
  type Done,
  dnsQuestion,
  dnsServer,
  inet4,
  inet6,
  loopback6,
  monitored,
  NR,
  perform,
  result,
  Script,
  type Session,
  STREAM,
  scratch,
  type TcpPeer,
  tcpPeer,
  type Zone,
} from '../support/index.js';

const folder = scratch();
const draw = random('names');
const below = (limit: number): number => Math.floor(draw() * limit);

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
    script.converse('plain', AF_INET, inet4(addresses.plain, peer.port), 5);
    query('alias', names.alias, 'A');
    script.converse('alias', AF_INET, inet4(addresses.alias, peer.port), 5);
    query('six', names.six, 'AAAA');
    script.converse('six', AF_INET6, inet6(loopback6, peer6.port), 5);
    query('absent', names.absent, 'A');

    // As a resolver does it: a connected socket, no address in the send.
    const question = dnsQuestion(names.connected, 'A');
    script
      .call('connected-socket=d', NR.socket, AF_INET, DGRAM, 0)
      .call('connected-connect', NR.connect, result('d'), to, 16)
      .call('connected-ask', NR.sendto, result('d'), question, question.length, 0, 0, 0)
      .call('connected-answer', NR.recvfrom, result('d'), answer, answer.length, 0, 0, 0);
    script.converse('connected', AF_INET, inet4(addresses.connected, peer.port), 5);

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
    script.converse('long', AF_INET, inet4(addresses.long, peer.port), 5);
    script.converse('local', AF_INET, inet4('127.0.0.1', peer.port), 5);
    try {
      ({ session, done } = await perform(folder, script));
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
