import { DnsFault, readName } from './name.js';
import { type DnsRecord, readRecord, typeName } from './record.js';

/** A name server's answer to one question. */
export interface DnsAnswer {
  /** The name that was asked for, in the case in which it was sent, without the last dot. */
  readonly question: string;
  readonly queryType: string;
  /** `NOERROR`, `NXDOMAIN`, …; `RCODE11` without a name. */
  readonly rcode: string;
  /** The answer section, in its order. */
  readonly answers: readonly DnsRecord[];
  /** There is more than `answers`: the server or the capture cut it, or the rest makes no sense. */
  readonly truncated: boolean;
}

/** IANA "DNS RCODEs". */
const RCODES = [
  ...['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN', 'YXRRSET', 'NXRRSET'],
  ...['NOTAUTH', 'NOTZONE'],
];

/** More records than a message of 4 KB can have. */
const RECORDS_MAX = 512;
const HEADER = 12;
const FLAG_RESPONSE = 0x8000;
const FLAG_TRUNCATED = 0x0200;
const OPCODE = 0x7800;

function readAnswers(message: Uint8Array, from: number, count: number): { answers: DnsRecord[]; isWhole: boolean } {
  const answers: DnsRecord[] = [];
  try {
    let at = from;
    for (let i = 0; i < count; i++) {
      if (i === RECORDS_MAX) return { answers, isWhole: false };
      const { record, next } = readRecord(message, at);
      if (record) answers.push(record);
      at = next;
    }
    return { answers, isWhole: true };
  } catch (error) {
    // What came before is what a resolver will have used.
    if (error instanceof DnsFault) return { answers, isWhole: false };
    throw error;
  }
}

/**
 * One message without a TCP length (RFC 1035 section 4.1), whole or cut anywhere: a response to a standard query with one
 * question. Anything else, whatever the bytes are, is undefined.
 */
export function readMessage(message: Uint8Array): DnsAnswer | undefined {
  if (message.length < HEADER) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const flags = view.getUint16(2);
  if (!(flags & FLAG_RESPONSE) || flags & OPCODE || view.getUint16(4) !== 1) return undefined;
  try {
    const { name, next } = readName(message, HEADER);
    if (next + 4 > message.length) return undefined;
    const { answers, isWhole } = readAnswers(message, next + 4, view.getUint16(6));
    const rcode = flags & 0xf;
    return {
      question: name,
      queryType: typeName(view.getUint16(next)),
      rcode: RCODES[rcode] ?? `RCODE${rcode}`,
      answers,
      truncated: !isWhole || (flags & FLAG_TRUNCATED) !== 0,
    };
  } catch (error) {
    if (error instanceof DnsFault) return undefined;
    throw error;
  }
}

/**
 * The answer in one packet's payload, as it was captured and possibly cut; undefined for whatever else the bytes are. Over
 * TCP the first message of the segment, which begins with its length in two octets (RFC 1035 section 4.2.2). DnsReader
 * also knows what came before on the same connection.
 */
export const parseDnsAnswer = (payload: Uint8Array, { tcp }: { tcp: boolean }): DnsAnswer | undefined =>
  readMessage(tcp ? payload.subarray(2, 2 + (((payload[0] ?? 0) << 8) | (payload[1] ?? 0))) : payload);
