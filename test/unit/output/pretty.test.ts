import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type AgentEvent, EVENT_TYPES, FIELDS } from '../../../src/events/index.js';
import { errnoName, prettyLine } from '../../../src/output/index.js';
import { random, scaled } from '../../scale.js';

const common = { action: 'OBSERVED', agent_id: 'a', comm: 'node', pid: 42, timestamp: '2026-04-14T09:23:01.234Z' };
const plain = (event: AgentEvent, width?: number): string =>
  prettyLine({ ...common, ...event }, { color: false, ...(width === undefined ? {} : { width }) });
const body = (event: AgentEvent): string => plain(event).replace('09:23:01.234 node[42] ', '');

describe('prettyLine', () => {
  it.each<[AgentEvent, string]>([
    [
      { event_type: 'process_exec', path: '/usr/bin/node', argv: ['node', 'a b', "it's", ''] },
      `exec /usr/bin/node 'a b' 'it'\\''s' ''`,
    ],
    [
      { event_type: 'process_exec', path: '/usr/bin/python3.11', argv: ['python3', 'x.py'], argv_cut: true },
      'exec /usr/bin/python3.11 (as python3) x.py …',
    ],
    [{ event_type: 'process_exec', path: '/x', errno: 13 }, 'exec /x = EACCES'],
    [{ event_type: 'process_fork', ppid: 7 }, 'fork by 7'],
    [{ event_type: 'process_exit', exit_code: 0 }, 'exit 0'],
    [{ event_type: 'process_exit', signal: 'SIGKILL' }, 'exit SIGKILL'],
    [{ event_type: 'file_open', path: '/etc/hosts', access: 'read', count: 3 }, 'open /etc/hosts (read) +3×'],
    [
      { event_type: 'file_open', path: 'a/b', access: 'read', path_resolved: false, errno: 2, late: true },
      'open a/b (read, as asked, late) = ENOENT',
    ],
    [{ event_type: 'file_rename', path: '/a', path_to: '/b' }, 'rename /a → /b'],
    [{ event_type: 'file_attr', path: '/a', syscall: 'chmod', value: '0755' }, 'attr /a (chmod 0755)'],
    [
      {
        event_type: 'network_connect',
        dest_ip: '192.0.2.1',
        dest_port: 443,
        dest_domain: 'api.example.com',
        protocol: 'tcp',
      },
      'connect api.example.com (192.0.2.1:443) (tcp)',
    ],
    [
      { event_type: 'network_connect', dest_ip: '::1', dest_port: 443, protocol: 'tcp', errno: 111 },
      'connect [::1]:443 (tcp) = ECONNREFUSED',
    ],
    [
      { event_type: 'network_close', dest_ip: '192.0.2.1', dest_port: 1, bytes_in: 5, bytes_out: 6 },
      'close 192.0.2.1:1 (5 B in 6 B out)',
    ],
    [
      {
        event_type: 'tls_coverage',
        coverage: 'blind',
        tls_connections: 2,
        plaintext_in: 0,
        plaintext_out: 0,
        ciphertext_in: 40,
        ciphertext_out: 2,
        reason: 'a Go program',
      },
      'tls BLIND 2 connections (0 B read of 42 B on its sockets) – a Go program',
    ],
    [
      { event_type: 'tls_coverage', coverage: 'read', tls_libraries: ['openssl'], tls_connections: 1, plaintext_in: 7 },
      'tls read openssl 1 connections (7 B read)',
    ],
    [{ event_type: 'network_listen', local_ip: '0.0.0.0', local_port: 80, protocol: 'tcp' }, 'listen 0.0.0.0:80 (tcp)'],
    [{ event_type: 'unix_connect', path: '@abstract', protocol: 'unix-stream' }, 'connect @abstract (unix-stream)'],
    [
      {
        event_type: 'dns_answer',
        query_type: 'A',
        dest_domain: 'a.example',
        rcode: 'NOERROR',
        answers: ['CNAME b', 'A 192.0.2.1'],
      },
      'dns A a.example → CNAME b, A 192.0.2.1',
    ],
    [
      { event_type: 'dns_answer', query_type: 'A', dest_domain: 'a.example', rcode: 'NXDOMAIN', answers: [] },
      'dns A a.example (NXDOMAIN)',
    ],
    [{ event_type: 'signal', signal: 'SIGTERM', target_pid: 1 }, 'signal SIGTERM → 1'],
    [{ event_type: 'events_lost', class: 'file', count: 9, reason: 'ring_full' }, 'LOST 9 file events – ring_full'],
    [
      { event_type: 'file_open', action: 'BLOCKED', path: '/etc/shadow', policy_rule: 'secrets' },
      'BLOCKED open /etc/shadow [secrets]',
    ],
    [{ event_type: 'policy_loaded', path: '/p.yaml' }, 'policy_loaded /p.yaml'],
    [{ event_type: 'constructor', reason: 'x' }, 'constructor – x'],
  ])('%j', (event, expected) => expect(body(event)).toBe(expected));

  it('says something for every type', () => {
    for (const event_type of Object.keys(EVENT_TYPES))
      expect(body({ event_type, reason: 'why' })).toMatch(/^\S.* – why$/);
  });

  const hostile = '\u001b[2J\r\n\u202e\u200b\u2028\u{e0041}\u009b31m\ud800\u0007\\u{41}';
  const evil = Object.fromEntries(
    Object.entries(FIELDS).map(([name, field]) => [name, field.type === 'strings' ? [hostile, hostile] : hostile]),
  );
  const SGR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
  const ALLOWED = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u;

  it('is one harmless line whatever the event holds', () => {
    for (const event_type of [...Object.keys(EVENT_TYPES), hostile]) {
      for (const width of [undefined, 20, 100]) {
        const options = width === undefined ? {} : { width };
        expect(prettyLine({ ...evil, event_type }, { color: false, ...options })).toMatch(ALLOWED);
        const colored = prettyLine({ ...evil, event_type }, { color: true, ...options });
        // The only escapes left are colours and weights.
        expect(colored.replaceAll(SGR, '')).toMatch(ALLOWED);
      }
    }
  });

  it('has the same words with and without colour', () => {
    const event = {
      ...common,
      event_type: 'file_open',
      path: `/x/${'long/'.repeat(40)}`,
      access: 'read',
      errno: 2,
      count: 1,
    };
    for (const width of [40, 80, 200]) {
      const colored = prettyLine(event, { color: true, width });
      expect(colored).not.toBe(stripVTControlCharacters(colored));
      expect(stripVTControlCharacters(colored)).toBe(prettyLine(event, { color: false, width }));
    }
  });

  it('cuts the middle of what is too long', () => {
    const path = `/home/dev/${'deep/'.repeat(30)}name.txt`;
    const line = plain({ event_type: 'file_open', path, access: 'read', errno: 2 }, 80);
    expect([...line]).toHaveLength(80);
    expect(line).toMatch(/open \/home\/dev\/.*….*\/name\.txt \(read\) = ENOENT$/);
    expect(plain({ event_type: 'file_open', path: '/short' }, 80)).toContain('open /short');
    // Two columns each; never more than the room.
    expect([...plain({ event_type: 'file_open', path: '日本語'.repeat(30) }, 60)].length).toBeLessThan(50);
  });

  it('fits any width with any text', () => {
    const draw = random('pretty');
    for (let i = 0; i < scaled(20_000); i++) {
      const path = Array.from({ length: 1 + Math.floor(draw() * 80) }, () =>
        String.fromCodePoint(0x20 + Math.floor(draw() * 0x3ff)),
      ).join('');
      const line = plain({ event_type: 'file_open', path }, 70);
      expect([...line].filter((c) => !/\p{M}/u.test(c)).length).toBeLessThanOrEqual(70);
    }
  });
});

describe('errnoName', () => {
  it.each([
    [2, 'ENOENT'],
    [11, 'EAGAIN'],
    [13, 'EACCES'],
    [95, 'EOPNOTSUPP'],
    [111, 'ECONNREFUSED'],
    [512, 'errno 512'],
  ])('%i is %s', (errno, name) => expect(errnoName(errno)).toBe(name));
});
