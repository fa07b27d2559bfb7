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

/** Entries of one table. */
export interface Table {
  readonly name: string;
  /** Bytes of each. */
  readonly size: number;
  readonly bytes: Buffer;
}

export interface List {
  readonly start: number;
  readonly count: number;
}

/**
 * Entries of one size, each a key and its value, one after the other: numbers of 32 bits in the machine's own byte order, as
 * the kernel reads them. A policy has tens of thousands, and a buffer for each of them would be most of the work.
 */
export class Rows {
  #words: Uint32Array;
  #bytes: Buffer;
  #used = 0;

  /** @param size of an entry in bytes; a multiple of 4. */
  constructor(readonly size: number) {
    this.#words = new Uint32Array(size);
    this.#bytes = Buffer.from(this.#words.buffer);
  }

  get count(): number {
    return this.#used / (this.size / 4);
  }

  /** All entries, as they lie in memory now. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, 4 * this.#used);
  }

  /** Entries from this one on, as a table. */
  table(name: string, from = 0): Table {
    return { name, size: this.size, bytes: this.bytes.subarray(from * this.size) };
  }

  /** One more: these numbers, and zeroes behind them. @returns how many 32 bits stand before it */
  add(...numbers: readonly number[]): number {
    const at = this.#used;
    this.#used += this.size / 4;
    if (this.#used > this.#words.length) {
      const more = new Uint32Array(2 * this.#used);
      more.set(this.#words);
      this.#words = more;
      this.#bytes = Buffer.from(more.buffer);
    }
    this.put(at, numbers);
    return at;
  }

  /** @param at how many 32 bits stand before the first of them. */
  put(at: number, numbers: readonly number[]): void {
    for (let index = 0; index < numbers.length; index++) this.#words[at + index] = numbers[index] ?? 0;
  }

  /** @param at as above. */
  putBytes(at: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, 4 * at);
  }
}

/** The lower and the upper half of a number of 64 bits, in the machine's own order. */
export const halves = (number: bigint): [number, number] => {
  const low = Number(number & 0xffff_ffffn);
  const high = Number(number >> 32n);
  return endianness() === 'LE' ? [low, high] : [high, low];
};
