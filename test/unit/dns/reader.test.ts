import { describe, expect, it } from 'vitest';
import { type DnsPacket, DnsReader } from '../../../src/dns/index.js';
import { random, scaled } from '../../scale.js';
import { message, name, QUESTION, record, segment, TYPE } from './packets.js';

const packet = (data: Buffer, more: Partial<DnsPacket> = {}): DnsPacket => ({
  server_ip: '127.0.0.53',
  server_port: 53,
  protocol: 'tcp',
  length: data.length,
  data: data.toString('base64'),
  socket: '1',
  ...more,
});
const answer = (question: string, ...last: number[]): Buffer =>
  message(
    question,
    last.map((octet) => record(name('', QUESTION), TYPE.A, [192, 0, 2, octet])),
  );
const brief = (answers: ReturnType<DnsReader['read']>): string[] =>
  answers.map(
    (a) => `${a.question} ${a.answers.map((r) => r.address?.split('.')[3]).join(',')}${a.truncated ? ' cut' : ''}`,
  );

describe('DnsReader', () => {
  it('reads a UDP packet by itself', () => {
    const reader = new DnsReader();
    expect(brief(reader.read(packet(answer('a.example', 1), { protocol: 'udp' })))).toEqual(['a.example 1']);
    expect(brief(reader.read(packet(Buffer.from('garbage'), { protocol: 'udp' })))).toEqual([]);
  });

  it('reads several answers in one segment', () => {
    const both = segment(answer('a.example', 1), answer('b.example', 2, 3));
    expect(brief(new DnsReader().read(packet(both)))).toEqual(['a.example 1', 'b.example 2,3']);
  });

  it('puts an answer together, wherever it was cut into segments', () => {
    const draw = random('dns: segments');
    for (let i = 0; i < scaled(5000); i++) {
      const bytes = segment(answer('a.example', 1), answer('b.example', 2, 3, 4), answer('c.example'));
      const reader = new DnsReader();
      const found: string[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(draw() * 40);
        found.push(...brief(reader.read(packet(bytes.subarray(at, at + size)))));
        at += size;
      }
      expect(found).toEqual(['a.example 1', 'b.example 2,3,4', 'c.example ']);
    }
  });

  it('keeps connections apart', () => {
    const reader = new DnsReader();
    const one = segment(answer('a.example', 1));
    const two = segment(answer('b.example', 2));
    expect(reader.read(packet(one.subarray(0, 20), { socket: '1' }))).toEqual([]);
    expect(reader.read(packet(two.subarray(0, 25), { socket: '2' }))).toEqual([]);
    expect(brief(reader.read(packet(one.subarray(20), { socket: '1' })))).toEqual(['a.example 1']);
    expect(brief(reader.read(packet(two.subarray(25), { socket: '2' })))).toEqual(['b.example 2']);
  });

  it('reads what is left of an answer when the rest is missing, and goes on', () => {
    const reader = new DnsReader();
    const one = segment(answer('a.example', 1, 2));
    expect(reader.read(packet(one.subarray(0, one.length - 10)))).toEqual([]);
    expect(brief(reader.read(packet(segment(answer('b.example', 3)))))).toEqual(['a.example 1 cut', 'b.example 3']);
  });

  it('reads what the capture left of a long segment', () => {
    const bytes = segment(answer('a.example', 1, 2, 3));
    const cut = packet(bytes.subarray(0, bytes.length - 10), { length: bytes.length });
    expect(brief(new DnsReader().read(cut))).toEqual(['a.example 1,2 cut']);
  });

  it('keeps a bounded amount, whatever comes', () => {
    const reader = new DnsReader();
    const beginning = segment(answer('a.example', 1, 2)).subarray(0, 40);
    for (let i = 0; i < 10_000; i++) reader.read(packet(beginning, { socket: String(i) }));
    // The newest connections are still known, the oldest are not.
    const rest = segment(answer('a.example', 1, 2)).subarray(40);
    expect(brief(reader.read(packet(rest, { socket: '9999' })))).toEqual(['a.example 1,2']);
    expect(brief(reader.read(packet(rest, { socket: '0' })))).toEqual([]);
  });

  it('survives any bytes', () => {
    const draw = random('dns: streams');
    const reader = new DnsReader();
    for (let i = 0; i < scaled(100_000); i++) {
      const bytes = Buffer.from(
        Array.from({ length: Math.floor(draw() * 60) }, () => (draw() < 0.4 ? 0 : Math.floor(draw() * 256))),
      );
      reader.read(
        packet(bytes, { socket: String(Math.floor(draw() * 3)), length: bytes.length + (draw() < 0.1 ? 1 : 0) }),
      );
    }
  });
});
