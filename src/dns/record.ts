import { ipText } from './address.js';
import { DnsFault, readName } from './name.js';

/** One record of an answer. */
export interface DnsRecord {
  /** Owner, in the case in which it was sent. */
  readonly name: string;
  /** `A`, `CNAME`, …; `TYPE123` without a name (RFC 3597). */
  readonly type: string;
  /** Seconds. */
  readonly ttl: number;
  /** A, AAAA. */
  readonly address?: string;
  /** CNAME, DNAME, NS, PTR, SVCB, HTTPS ("." is the owner itself). */
  readonly target?: string;
  /** SVCB, HTTPS: the ipv4hint and ipv6hint addresses. */
  readonly hints?: readonly string[];
}

/** IANA "Resource Record (RR) TYPEs", those that are met in answers. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [1, 'A'],
  [2, 'NS'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [12, 'PTR'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [33, 'SRV'],
  [35, 'NAPTR'],
  [39, 'DNAME'],
  [43, 'DS'],
  [46, 'RRSIG'],
  [47, 'NSEC'],
  [48, 'DNSKEY'],
  [50, 'NSEC3'],
  [52, 'TLSA'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [255, 'ANY'],
  [257, 'CAA'],
]);

export const typeName = (number: number): string => TYPES.get(number) ?? `TYPE${number}`;

const CLASS_IN = 1;
const IPV4_HINT = 4;
const IPV6_HINT = 6;

const u16 = (view: DataView, at: number): number => {
  if (at + 2 > view.byteLength) throw new DnsFault('the message ends inside a record');
  return view.getUint16(at);
};

/** The addresses of a SVCB or HTTPS record (RFC 9460 section 7.3); parameters are key, length, value. */
function hintsOf(message: Uint8Array, view: DataView, from: number, end: number): string[] {
  const hints: string[] = [];
  for (let at = from; at + 4 <= end; ) {
    const key = u16(view, at);
    const valueEnd = at + 4 + u16(view, at + 2);
    if (valueEnd > end) throw new DnsFault('a parameter reaches beyond its record');
    const size = key === IPV4_HINT ? 4 : key === IPV6_HINT ? 16 : 0;
    for (let hint = at + 4; size > 0 && hint + size <= valueEnd; hint += size) {
      const text = ipText(message.subarray(hint, hint + size));
      if (text) hints.push(text);
    }
    at = valueEnd;
  }
  return hints;
}

type Data = Pick<DnsRecord, 'address' | 'target' | 'hints'>;

function dataOf(type: string, message: Uint8Array, view: DataView, from: number, end: number): Data {
  if (type === 'A' || type === 'AAAA') {
    const octets = message.subarray(from, end);
    const address = octets.length === (type === 'A' ? 4 : 16) ? ipText(octets) : undefined;
    return address ? { address } : {};
  }
  const isService = type === 'SVCB' || type === 'HTTPS';
  if (!isService && type !== 'CNAME' && type !== 'DNAME' && type !== 'NS' && type !== 'PTR') return {};
  const target = readName(message, isService ? from + 2 : from);
  if (target.next > end) throw new DnsFault('a name reaches beyond its record');
  return { target: target.name, ...(isService && { hints: hintsOf(message, view, target.next, end) }) };
}

/**
 * Reads the record at `at`. A record whose data make no sense is kept without them, as its length says where the next
 * one begins; one of another class than IN is no record of ours.
 *
 * @throws DnsFault where it cannot be read at all
 */
export function readRecord(message: Uint8Array, at: number): { record: DnsRecord | undefined; next: number } {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const owner = readName(message, at);
  const type = typeName(u16(view, owner.next));
  const rrClass = u16(view, owner.next + 2);
  const ttl = u16(view, owner.next + 4) * 0x10000 + u16(view, owner.next + 6);
  const from = owner.next + 10;
  const next = from + u16(view, owner.next + 8);
  if (next > message.length) throw new DnsFault('the message ends inside a record');
  if (rrClass !== CLASS_IN) return { record: undefined, next };
  let data: Data = {};
  try {
    data = dataOf(type, message, view, from, next);
  } catch (error) {
    if (!(error instanceof DnsFault)) throw error;
  }
  // RFC 2181 section 8: with the highest bit set it counts as zero.
  return { record: { name: owner.name, type, ttl: ttl > 0x7fffffff ? 0 : ttl, ...data }, next };
}
