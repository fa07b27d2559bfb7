import type { EventDraft } from '../events/index.js';
import type { DnsAnswer } from './answer.js';
import type { DnsPacket } from './packet.js';
import type { DnsRecord } from './record.js';

/** A hostile name server can make one packet of 4 KB name a megabyte; a line of the log stays a line. */
const ANSWERS_MAX = 64;

const STRINGS = ['timestamp', 'comm', 'exe'] as const;
const INTEGERS = ['pid', 'tid', 'start_us', 'ts_us', 'ppid', 'uid', 'gid', 'pid_inner'] as const;

/** `A 192.0.2.1`, `CNAME b.example`, `HTTPS . 192.0.2.1`, `TXT`. */
const recordText = ({ type, address, target, hints = [] }: DnsRecord): string =>
  [type, address, target, ...hints].filter((part) => part !== undefined).join(' ');

/** The `dns_answer` event of one answer, for the log to complete. */
export function dnsAnswerEvent(packet: DnsPacket, answer: DnsAnswer, agentId: string): EventDraft {
  const draft: EventDraft = {
    event_type: 'dns_answer',
    action: 'OBSERVED',
    agent_id: agentId,
    dest_domain: answer.question,
    query_type: answer.queryType,
    rcode: answer.rcode,
    answers: answer.answers.slice(0, ANSWERS_MAX).map(recordText),
    server_ip: packet.server_ip,
    server_port: packet.server_port,
    protocol: packet.protocol,
  };
  if (answer.truncated || answer.answers.length > ANSWERS_MAX) draft.answers_cut = true;
  for (const name of STRINGS) {
    const value = packet[name];
    if (typeof value === 'string') draft[name] = value;
  }
  for (const name of INTEGERS) {
    const value = packet[name];
    if (typeof value === 'number') draft[name] = value;
  }
  return draft;
}
