import { expect, it } from 'vitest';
import { DnsReader, dnsAnswerEvent } from '../../../src/dns/index.js';
import { checkEvent } from '../../../src/events/index.js';
import { message, name, QUESTION, record, TYPE } from './packets.js';

/** The process that read the answer: its fields go into the event as they are. */
const reader = {
  pid: 7,
  tid: 8,
  start_us: 1,
  ts_us: 2,
  timestamp: '2026-04-14T09:23:01.234Z',
  comm: 'curl',
  exe: '/usr/bin/curl',
  uid: 1000,
  gid: 1000,
  ppid: 6,
};

const packet = (payload: Buffer) => ({
  msg: 'dns',
  ...reader,
  server_ip: '127.0.0.53',
  server_port: 53,
  protocol: 'udp' as const,
  length: payload.length,
  data: payload.toString('base64'),
  socket: '99',
});
const events = (payload: Buffer) =>
  new DnsReader().read(packet(payload)).map((answer) => dnsAnswerEvent(packet(payload), answer, 'agent'));

it('holds what the packet and the answer say, in registered fields', () => {
  const payload = message('Api.example', [
    record(name('', QUESTION), TYPE.CNAME, name('lb.example')),
    record(name('lb.example'), TYPE.A, [192, 0, 2, 1]),
    record(name('lb.example'), TYPE.HTTPS, [0, 1, 0, 0, 4, 0, 4, 192, 0, 2, 2]),
    record(name('lb.example'), TYPE.ODD, [1]),
  ]);
  const [event] = events(payload);
  expect(checkEvent({ ...event }, { draft: true })).toEqual([]);
  expect(event).toEqual({
    event_type: 'dns_answer',
    action: 'OBSERVED',
    agent_id: 'agent',
    ...reader,
    dest_domain: 'Api.example',
    query_type: 'A',
    rcode: 'NOERROR',
    answers: ['CNAME lb.example', 'A 192.0.2.1', 'HTTPS . 192.0.2.2', 'TYPE65280'],
    server_ip: '127.0.0.53',
    server_port: 53,
    protocol: 'udp',
  });
});

it('says when there is more, and stays a line', () => {
  expect(events(message('a.example', [], { flags: 0x8380 }))[0]).toMatchObject({ answers: [], answers_cut: true });
  const many = Array.from({ length: 65 }, (_, i) => record(name('', QUESTION), TYPE.A, [192, 0, 2, i]));
  const [event] = events(message('a.example', many));
  expect(event?.answers).toHaveLength(64);
  expect(event?.answers_cut).toBe(true);
  expect(events(message('a.example', many.slice(1)))[0]).not.toHaveProperty('answers_cut');
});
