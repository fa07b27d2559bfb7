import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type DnsAnswer, type DnsRecord, DomainMap } from '../../../src/dns/index.js';

const room = mkdtempSync(join(tmpdir(), 'agentgov-'));
afterAll(() => rmSync(room, { recursive: true }));

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

const a = (name: string, address: string, ttl = 60): DnsRecord => ({ name, type: 'A', ttl, address });
const cname = (name: string, target: string): DnsRecord => ({ name, type: 'CNAME', ttl: 60, target });
const answer = (question: string, ...answers: DnsRecord[]): DnsAnswer => ({
  question,
  queryType: 'A',
  rcode: 'NOERROR',
  answers,
  truncated: false,
});
function map(options: { maxPairs?: number; hostsFile?: string } = {}) {
  const clock = { ms: 1e6 };
  return { clock, domains: new DomainMap({ hostsFile: join(room, 'none'), now: () => clock.ms, ...options }) };
}

describe('DomainMap', () => {
  it('explains an address by the name that was asked for, through aliases in any order and case', () => {
    const { domains } = map();
    domains.learn(
      answer(
        'API.example',
        a('edge.cdn', '192.0.2.1'),
        cname('lb.example', 'Edge.CDN'),
        cname('api.EXAMPLE', 'lb.example'),
      ),
    );
    expect(domains.lookup('192.0.2.1')).toBe('api.example');
  });

  it('believes no address of a name that nobody asked for', () => {
    const { domains } = map();
    domains.learn(answer('evil.example', a('api.example', '192.0.2.1'), a('evil.example', '192.0.2.2')));
    expect(domains.lookup('192.0.2.1')).toBeUndefined();
    expect(domains.lookup('192.0.2.2')).toBe('evil.example');
  });

  it('ends at aliases that go round', () => {
    const { domains } = map();
    domains.learn(answer('a', cname('a', 'b'), cname('b', 'a'), a('b', '192.0.2.1')));
    expect(domains.lookup('192.0.2.1')).toBe('a');
  });

  it('learns nothing from a refusal', () => {
    const { domains } = map();
    domains.learn({ ...answer('a', a('a', '192.0.2.1')), rcode: 'NXDOMAIN' });
    expect(domains.lookup('192.0.2.1')).toBeUndefined();
  });

  it('takes the hints of HTTPS records', () => {
    const { domains } = map();
    domains.learn(answer('a', { name: 'a', type: 'HTTPS', ttl: 60, target: '.', hints: ['192.0.2.1', '2001:db8::1'] }));
    expect(domains.lookup('2001:db8::1')).toBe('a');
    expect(domains.lookup('192.0.2.1')).toBe('a');
  });

  it('knows an address in every spelling', () => {
    const { domains } = map();
    domains.learn(answer('a', { name: 'a', type: 'AAAA', ttl: 60, address: '2001:db8::1' }, a('a', '192.0.2.1')));
    for (const ip of [
      '2001:db8::1',
      '2001:DB8:0:0::1',
      '2001:db8::1%eth0',
      '192.0.2.1',
      '::ffff:192.0.2.1',
      '::ffff:c000:201',
    ]) {
      expect(domains.lookup(ip)).toBe('a');
    }
    for (const ip of ['', 'x', '@abstract', '192.0.2', '::g']) expect(domains.lookup(ip)).toBeUndefined();
  });

  it('gives the name learned last, and all of them', () => {
    const { domains } = map();
    domains.learn(answer('a', a('a', '192.0.2.1')));
    domains.learn(answer('b', a('b', '192.0.2.1')));
    expect(domains.allFor('192.0.2.1')).toEqual(['b', 'a']);
    domains.learn(answer('a', a('a', '192.0.2.1')));
    expect(domains.allFor('192.0.2.1')).toEqual(['a', 'b']);
  });

  it('forgets a new name a minute after its TTL', () => {
    const { domains, clock } = map();
    domains.learn(answer('a', a('a', '192.0.2.1', 30)));
    clock.ms += 90 * SECOND;
    expect(domains.lookup('192.0.2.1')).toBe('a');
    clock.ms += 1;
    expect(domains.lookup('192.0.2.1')).toBeUndefined();
    expect(domains.size).toBe(0);
  });

  it('keeps a name that has been known for long for as long again, up to a day', () => {
    const { domains, clock } = map();
    for (let hour = 0; hour <= 3; hour++) {
      domains.learn(answer('a', a('a', '192.0.2.1', 3600)));
      if (hour < 3) clock.ms += HOUR;
    }
    clock.ms += HOUR + 3 * HOUR;
    expect(domains.lookup('192.0.2.1')).toBe('a');
    clock.ms += 1;
    expect(domains.lookup('192.0.2.1')).toBeUndefined();

    for (let day = 0; day < 5; day++) {
      domains.learn(answer('b', a('b', '192.0.2.2', 86_400)));
      clock.ms += DAY;
    }
    clock.ms += DAY;
    expect(domains.lookup('192.0.2.2')).toBe('b');
    clock.ms += 1;
    expect(domains.lookup('192.0.2.2')).toBeUndefined();
  });

  it('does not believe a TTL of years', () => {
    const { domains, clock } = map();
    domains.learn(answer('a', a('a', '192.0.2.1', 0x7fffffff)));
    clock.ms += DAY + 60 * SECOND + 1;
    expect(domains.lookup('192.0.2.1')).toBeUndefined();
  });

  it('is bounded, and drops what was learned longest ago', () => {
    const { domains } = map({ maxPairs: 100 });
    for (let i = 0; i < 100; i++) domains.learn(answer('a', a('a', `192.0.2.${i}`)));
    domains.learn(answer('a', a('a', '192.0.2.0')));
    domains.learn(answer('b', a('b', '198.51.100.1')));
    expect(domains.size).toBe(100);
    expect(domains.lookup('192.0.2.0')).toBe('a');
    expect(domains.lookup('192.0.2.1')).toBeUndefined();
    expect(domains.lookup('192.0.2.2')).toBe('a');
  });

  it('is bounded for one address too', () => {
    const { domains } = map();
    for (let i = 0; i < 1000; i++) domains.learn(answer(`n${i}`, a(`n${i}`, '192.0.2.1')));
    expect(domains.allFor('192.0.2.1')).toHaveLength(16);
    expect(domains.lookup('192.0.2.1')).toBe('n999');
    expect(domains.size).toBe(16);
  });

  it('keeps 65,536 pairs by default', () => {
    const { domains } = map();
    for (let i = 0; i < 70_000; i++) domains.learn(answer('a', a('a', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)));
    expect(domains.size).toBe(65_536);
  });
});

describe('the hosts file', () => {
  it('explains addresses that no answer explains, and is read again when it changes', () => {
    const hostsFile = join(room, 'hosts');
    writeFileSync(
      hostsFile,
      '# 192.0.2.9 no\n127.0.0.1\tlocalhost  Loopback # x\n::1 localhost6\nnot-an-ip host\n\n192.0.2.1 \x1b[2J h\u00e9 ok\n',
    );
    const { domains, clock } = map({ hostsFile });
    expect(domains.allFor('127.0.0.1')).toEqual(['localhost', 'loopback']);
    expect(domains.lookup('0:0:0:0:0:0:0:1')).toBe('localhost6');
    expect(domains.lookup('192.0.2.9')).toBeUndefined();
    // A name that no resolver accepts is none.
    expect(domains.allFor('192.0.2.1')).toEqual(['ok']);

    domains.learn(answer('api.example', a('api.example', '127.0.0.1')));
    expect(domains.allFor('127.0.0.1')).toEqual(['api.example', 'localhost', 'loopback']);

    writeFileSync(hostsFile, '192.0.2.2 two\n');
    utimesSync(hostsFile, 1, 1);
    expect(domains.lookup('192.0.2.2')).toBeUndefined();
    clock.ms += 1000;
    expect(domains.lookup('192.0.2.2')).toBe('two');
    expect(domains.lookup('::1')).toBeUndefined();
    rmSync(hostsFile);
    clock.ms += 1000;
    expect(domains.lookup('192.0.2.2')).toBeUndefined();
  });

  it('may be missing, a folder, or anything', () => {
    for (const hostsFile of [join(room, 'missing'), room, '/dev/null', '/proc/self/mem']) {
      expect(map({ hostsFile }).domains.lookup('127.0.0.1')).toBeUndefined();
    }
  });
});
