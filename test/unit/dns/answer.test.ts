import { createSocket } from 'node:dgram';
import { promises } from 'node:dns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDnsAnswer } from '../../../src/dns/index.js';
import { cpuMs } from '../../cpu.js';
import { random, scaled } from '../../scale.js';
import { ip6, message, name, QUESTION, record, segment, TYPE } from './packets.js';

const udp = (payload: Uint8Array) => parseDnsAnswer(payload, { tcp: false });

/** Octets set by hand after RFC 1035, so that the builder of the other cases is not its own judge. */
const RECORDED = Buffer.from(
  '9b4881800001000300000000' +
    '03777777076578616d706c65036f72670000010001' +
    'c00c00050001000000ed00190377777707' +
    '6578616d706c65036f726703636466036e657400' +
    'c02d0001000100000014' +
    '0004c0000201' +
    'c02d0001000100000014' +
    '0004c00002ff',
  'hex',
);

describe('parseDnsAnswer', () => {
  it('reads compressed records', () => {
    expect(udp(RECORDED)).toEqual({
      question: 'www.example.org',
      queryType: 'A',
      rcode: 'NOERROR',
      truncated: false,
      answers: [
        { name: 'www.example.org', type: 'CNAME', ttl: 237, target: 'www.example.org.cdf.net' },
        { name: 'www.example.org.cdf.net', type: 'A', ttl: 20, address: '192.0.2.1' },
        { name: 'www.example.org.cdf.net', type: 'A', ttl: 20, address: '192.0.2.255' },
      ],
    });
  });

  it.each<[string, number[], string, string]>([
    ['A', [192, 0, 2, 1], 'address', '192.0.2.1'],
    ['AAAA', ip6('20010db8 00000000 00000000 00000001'), 'address', '2001:db8::1'],
    ['AAAA', ip6('00000000 00000000 00000000 00000001'), 'address', '::1'],
    ['AAAA', ip6('20010000 00010000 00000001 00010001'), 'address', '2001:0:1::1:1:1'],
    ['AAAA', ip6('00000000 00000000 0000ffff c0000201'), 'address', '192.0.2.1'],
    ['CNAME', name('Alias.Example'), 'target', 'Alias.Example'],
    ['NS', name('ns', QUESTION), 'target', 'ns.a.example'],
  ])('reads %s', (type, data, field, value) => {
    const answer = udp(message('a.example', [record(name('', QUESTION), TYPE[type as keyof typeof TYPE], data, 60)]));
    expect(answer?.answers).toEqual([{ name: 'a.example', type, ttl: 60, [field]: value }]);
  });

  it('reads the hints of HTTPS records', () => {
    const data = [
      ...[0, 1, ...name('')],
      ...[0, 1, 0, 3, 2, 0x68, 0x32], // alpn=h2
      ...[0, 4, 0, 8, 192, 0, 2, 1, 192, 0, 2, 2],
      ...[0, 6, 0, 16, ...ip6('20010db8 00000000 00000000 00000001')],
    ];
    expect(udp(message('a.example', [record(name('', QUESTION), TYPE.HTTPS, data)], { type: 65 }))).toMatchObject({
      queryType: 'HTTPS',
      answers: [{ type: 'HTTPS', target: '.', hints: ['192.0.2.1', '192.0.2.2', '2001:db8::1'] }],
    });
  });

  it('names what it does not read by number, and keeps its TTL within RFC 2181', () =>
    expect(udp(message('a.example', [record(name('a.example'), TYPE.ODD, [1, 2, 3], 0xffffffff)]))?.answers).toEqual([
      { name: 'a.example', type: 'TYPE65280', ttl: 0 },
    ]));

  it('leaves out other classes and the additional section', () => {
    const chaos = record(name('a.example'), TYPE.A, [127, 0, 0, 1], 1, 3);
    const opt = record([0], TYPE.OPT, [], 0, 1232);
    const answer = udp(
      message('a.example', [chaos, record(name('a.example'), TYPE.A, [192, 0, 2, 1])], { additional: [opt] }),
    );
    expect(answer?.answers.map((r) => r.address)).toEqual(['192.0.2.1']);
    expect(answer?.truncated).toBe(false);
  });

  it('keeps case and shows every octet of a name safely', () => {
    const label = Buffer.from('A.b\\c\x00\x1b \x7f\xff"', 'latin1');
    const answer = udp(message([label.length, ...label, ...name('ExAmPlE')], []));
    expect(answer?.question).toBe('A\\.b\\\\c\\000\\027\\032\\127\\255".ExAmPlE');
  });

  it.each([
    [0x8183, 'NXDOMAIN'],
    [0x8182, 'SERVFAIL'],
    [0x818b, 'RCODE11'],
  ])('tells the result %i', (flags, rcode) => expect(udp(message('a.example', [], { flags }))?.rcode).toBe(rcode));

  it('says when the answer is cut', () => {
    const whole = message('a.example', [
      record(name('', QUESTION), TYPE.A, [192, 0, 2, 1]),
      record(name('', QUESTION), TYPE.A, [192, 0, 2, 2]),
    ]);
    expect(udp(whole)?.truncated).toBe(false);
    expect(udp(message('a.example', [], { flags: 0x8380 }))?.truncated).toBe(true);
    for (let size = whole.length - 1; size > 27 + 16; size--) {
      expect(udp(whole.subarray(0, size))).toMatchObject({ truncated: true, answers: [{ address: '192.0.2.1' }] });
    }
    // The question ends at 27; before that there is no answer to speak of.
    for (let size = 0; size < 27; size++) expect(udp(whole.subarray(0, size))).toBeUndefined();
  });

  it.each<[string, Buffer]>([
    ['a question', message('a.example', [], { flags: 0x0100 })],
    ['another opcode', message('a.example', [], { flags: 0xa800 })],
    ['no question', message('a.example', [], { qdcount: 0 })],
    ['two questions', message('a.example', [], { qdcount: 2 })],
    ['a question that points at itself', message([0xc0, QUESTION], [])],
    [
      'a question of 256 octets',
      message(name(`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(62)}`), []),
    ],
    ['a label of an unknown kind', message([0x41, 0x41, 0], [])],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', (_, payload) => expect(udp(payload)).toBeUndefined());

  it('accepts a name of 255 octets', () => {
    const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
    expect(udp(message(long, []))?.question).toBe(long);
  });

  it.each<[string, number[]]>([
    ['an owner that points at itself', record([0xc0, 27 + 16], TYPE.A, [1, 2, 3, 4])],
    ['owners that point at each other', record([0xc0, 27 + 18, 0xc0, 27 + 16], TYPE.A, [1, 2, 3, 4])],
    ['an owner beyond the end', record([0xff, 0xff], TYPE.A, [1, 2, 3, 4])],
    ['data beyond the end', [...name('', QUESTION), 0, 1, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 1, 2, 3, 4]],
  ])('keeps what came before %s', (_, bad) => {
    const good = record(name('', QUESTION), TYPE.A, [192, 0, 2, 1]);
    expect(udp(message('a.example', [good, bad, good]))).toMatchObject({
      truncated: true,
      answers: [{ address: '192.0.2.1' }],
    });
  });

  it.each<[string, number[]]>([
    ['an A of five octets', record(name('', QUESTION), TYPE.A, [1, 2, 3, 4, 5])],
    ['an alias that loops', record(name('', QUESTION), TYPE.CNAME, [0xc0, 27 + 12])],
    ['an alias beyond its record', record(name('', QUESTION), TYPE.CNAME, [3, 0x61])],
    ['an HTTPS parameter beyond its record', record(name('', QUESTION), TYPE.HTTPS, [0, 1, 0, 0, 4, 0, 99])],
  ])('passes over %s and reads on', (_, odd) => {
    const answer = udp(message('a.example', [odd, record(name('', QUESTION), TYPE.A, [192, 0, 2, 1])]));
    expect(answer?.truncated).toBe(false);
    expect(answer?.answers[0]).not.toHaveProperty('address');
    expect(answer?.answers[0]).not.toHaveProperty('target');
    expect(answer?.answers[1]).toMatchObject({ address: '192.0.2.1' });
  });

  it('reads TCP behind its length', () => {
    const body = message('a.example', [record(name('', QUESTION), TYPE.A, [192, 0, 2, 1])]);
    expect(parseDnsAnswer(segment(body), { tcp: true })).toEqual(udp(body));
    expect(parseDnsAnswer(segment(body).subarray(0, -3), { tcp: true })).toMatchObject({ truncated: true });
    expect(parseDnsAnswer(body, { tcp: true })).toBeUndefined();
    expect(parseDnsAnswer(Buffer.from([0]), { tcp: true })).toBeUndefined();
  });
});

describe('against another reader', () => {
  const server = createSocket('udp4');
  let reply: (id: Buffer) => Buffer = (id) => id;
  const resolver = new promises.Resolver({ timeout: 2000, tries: 1 });
  beforeAll(async () => {
    server.on('message', (query, from) => server.send(reply(query.subarray(0, 2)), from.port, from.address));
    await new Promise<void>((done) => server.bind(0, '127.0.0.1', done));
    resolver.setServers([`127.0.0.1:${server.address().port}`]);
  });
  afterAll(() => new Promise<void>((done) => server.close(() => done())));

  // c-ares, as Node has it: what it takes for an address must be one for us.
  it.each<[string, number[][]]>([
    ['plain', [record(name('', QUESTION), TYPE.A, [192, 0, 2, 1]), record(name('a.example'), TYPE.A, [192, 0, 2, 2])]],
    [
      'aliases',
      [
        record(name('', QUESTION), TYPE.CNAME, name('b', QUESTION + 2)),
        record(name('b.example'), TYPE.A, [192, 0, 2, 3]),
      ],
    ],
    ['a label and a pointer', [record(name('a', QUESTION + 2), TYPE.A, [192, 0, 2, 4])]],
    [
      'other records between',
      [record(name('', QUESTION), TYPE.TXT, [1, 0x61]), record(name('', QUESTION), TYPE.A, [192, 0, 2, 5])],
    ],
  ])('finds the same addresses: %s', async (_, answers) => {
    const payload = message('a.example', answers);
    reply = (id) => Buffer.concat([id, payload.subarray(2)]);
    const theirs = await resolver.resolve4('a.example');
    expect(udp(payload)?.answers.flatMap((r) => r.address ?? [])).toEqual(theirs);
  });
});

describe('whatever the bytes are', { timeout: 60_000 }, () => {
  const seeds = [
    RECORDED,
    message('a.example', [
      record(name('', QUESTION), TYPE.CNAME, name('b', QUESTION)),
      record(name('b', QUESTION), TYPE.HTTPS, [
        0,
        1,
        ...name('c', QUESTION),
        0,
        4,
        0,
        4,
        1,
        2,
        3,
        4,
        0,
        6,
        0,
        16,
        ...ip6('20010db8 00000000 00000000 00000001'),
      ]),
      record(name('x.y.z', QUESTION), TYPE.AAAA, ip6('20010db8 00000000 00000000 00000001')),
      record(name('', QUESTION), TYPE.SOA, [1, 2, 3]),
    ]),
    // Every octet a pointer: the worst for a reader that follows them.
    message('a.example', [Array.from({ length: 4000 }, (_, i) => (i % 2 ? i & 0xff : 0xc0 | ((i >> 8) & 0x3f)))], {
      ancount: 65535,
    }),
    message('a.example', [Array.from({ length: 400 }, () => record(name('', QUESTION), TYPE.A, [1, 2, 3, 4])).flat()], {
      ancount: 65535,
    }),
  ];
  const SAFE = /^[!-~]{1,1020}$/;

  /** True when the bytes were an answer; fails when that answer could hurt anyone. */
  function check(payload: Uint8Array): boolean {
    for (const tcp of [false, true]) {
      const answer = parseDnsAnswer(payload, { tcp });
      if (!answer) continue;
      const names = [
        answer.question,
        ...answer.answers.flatMap((r) => [r.name, ...(r.target === undefined ? [] : [r.target])]),
      ];
      const bad =
        names.find((text) => !SAFE.test(text)) ??
        answer.answers.find((r) => !(r.ttl >= 0) || !/^[A-Z0-9]+$/.test(r.type));
      if (bad !== undefined) expect.fail(`${JSON.stringify(bad)} out of ${Buffer.from(payload).toString('hex')}`);
    }
    return udp(payload) !== undefined;
  }

  it('neither throws nor hangs on random bytes', () => {
    const draw = random('dns: bytes');
    for (let i = 0; i < scaled(100_000); i++) {
      const bytes = Buffer.from(Array.from({ length: Math.floor(draw() * 300) }, () => Math.floor(draw() * 256)));
      // Half of them get a header that lets them in.
      if (i % 2 && bytes.length > 12) bytes.set([0x81, 0x80, 0, 1, 0, Math.floor(draw() * 256)], 2);
      check(bytes);
    }
  });

  it('neither throws nor hangs on changed messages', () => {
    const draw = random('dns: mutations');
    const at = (length: number): number => Math.floor(draw() * length);
    let read = 0;
    for (let i = 0; i < scaled(60_000); i++) {
      let bytes = Buffer.from(seeds[i % seeds.length] as Buffer);
      for (let n = at(6); n >= 0; n--) {
        const change = at(4);
        if (change === 0) bytes[at(bytes.length)] = at(256);
        else if (change === 1) bytes[at(bytes.length)] = 0xc0 | at(4);
        else if (change === 2) bytes = bytes.subarray(0, at(bytes.length) + 1);
        else bytes = Buffer.concat([bytes.subarray(0, at(bytes.length)), bytes.subarray(at(bytes.length))]);
      }
      if (check(bytes)) read++;
    }
    // Else the changes only tested the first two checks.
    expect(read).toBeGreaterThan(scaled(60_000) / 10);
  });

  it('takes no longer than a message deserves', () => {
    for (const seed of seeds) {
      const hundred = () => {
        for (let i = 0; i < 100; i++) udp(seed);
      };
      expect(cpuMs(hundred)).toBeLessThan(2000);
    }
  });
});
