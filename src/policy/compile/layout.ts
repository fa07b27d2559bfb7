// bpf/include/policy.h: how tables look in the kernel, byte for byte. A unit test holds both to the same numbers.
import { endianness } from 'node:os';

export const LIMITS = {
  states: 1 << 17,
  edges: 1 << 19,
  classEdges: 1 << 17,
  longEdges: 1 << 14,
  nameRows: 8192,
  clauses: 1 << 17,
  rules: 1 << 16,
  devices: 4096,
  blocks: 1 << 16,
  inodes: 1 << 16,
  list: 64,
  ports: 4,
  programs: 64,
  guards: 32,
  rates: 64,
  rateGroups: 256,
} as const;

/** AG_HEADS: the heads of a half are half * 2 and the next one. */
export const HEADS_OF_HALF = 2;

export const NAME_SHORT = 32;
export const NAME_LONG = 256;

/** Bits of enum ag_protocol, by the words that events have for them. */
export const PROTOCOLS = [
  'tcp',
  'udp',
  'icmp',
  'raw',
  'sctp',
  'dccp',
  'udplite',
  'mptcp',
  'unix-stream',
  'unix-dgram',
  'unix-seqpacket',
  'netlink',
  'packet',
  'alg',
  'vsock',
  'bluetooth',
  'xdp',
] as const;

/** enum ag_action. */
export const ACTIONS = { ALLOW: 0, HUMAN_APPROVAL: 1, BLOCK: 2 } as const;

/** enum ag_policy_class. */
export const CLASSES = ['file', 'exec', 'network', 'system'] as const;

export const ERRNO = { EPERM: 1, EACCES: 13 } as const;

export interface List {
  readonly start: number;
  readonly count: number;
}

const little = endianness() === 'LE';

/** Writes numbers from a place on, in the machine's own byte order, as the kernel reads them. */
function putU32s(bytes: Buffer, place: number, ...numbers: number[]): Buffer {
  let at = place;
  for (const number of numbers) {
    if (little) bytes.writeUInt32LE(number >>> 0, at);
    else bytes.writeUInt32BE(number >>> 0, at);
    at += 4;
  }
  return bytes;
}

export const u32s = (...numbers: number[]): Buffer => putU32s(Buffer.alloc(4 * numbers.length), 0, ...numbers);

/** struct ag_edge, or ag_long_edge with so much room for a name, and where it leads. */
export function edgeEntry(state: number, name: Buffer, room: number, next: number): Buffer {
  const bytes = putU32s(Buffer.alloc(room + 12), 0, state, name.length);
  name.copy(bytes, 8);
  return putU32s(bytes, room + 8, next);
}

export function u64(number: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  if (little) bytes.writeBigUInt64LE(number);
  else bytes.writeBigUInt64BE(number);
  return bytes;
}

export const u16s = (numbers: Uint16Array): Buffer =>
  Buffer.from(numbers.buffer, numbers.byteOffset, 2 * numbers.length);

/** `text` with zeroes behind it. */
export function padded(text: Buffer, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  text.copy(bytes);
  return bytes;
}
