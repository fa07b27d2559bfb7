// The kernel's side of a policy in TypeScript: the same steps as bpf/policy.bpf.h and bpf/verdict.bpf.h, over the same
// bytes. What it decides can be compared with the engine on any machine; that the programs do as it does is for test/vm.

import type { Table } from '../../../src/policy/compile/index.js';
import { parseAddress } from '../../../src/policy/pattern/address.js';

const u32 = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at);
const NONE = Number.POSITIVE_INFINITY;
const CLASSES = ['file', 'exec', 'network', 'system'];

export interface Question {
  class: string;
  permit: number;
  forbid: number;
  path?: Buffer[];
  /** File system that the path is one of, by its number in `mounts`; without it the path begins at the name space's root. */
  dev?: number;
  ip?: string;
  port?: number;
  /** Bit of PROTOCOLS. */
  protocol?: number;
  exe?: Buffer[];
  script?: Buffer[];
  /** The tree has written the file. */
  written?: boolean;
}

export interface Answer {
  rule: number;
  /** enum ag_action */
  action: number;
}

/** The entries of the tables with that name. */
export const entriesOf = (tables: readonly Table[], of: string): Buffer[] =>
  tables.flatMap(({ name, size, bytes }) => {
    const count = name === of ? bytes.length / size : 0;
    return Array.from({ length: count }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
  });

export class Kernel {
  readonly #tables = new Map<string, Map<string, Buffer>>();
  readonly #policy: Buffer;

  /** @param head of the policy in force. */
  constructor(tables: readonly Table[], head: number) {
    const keySize: Record<string, number> = {
      edges_by_name: 40,
      long_edges: 264,
      edges_by_class: 8,
      blocks: 24,
      devices: 8,
    };
    for (const name of new Set(tables.map(({ name }) => name))) {
      const size = keySize[name] ?? 4;
      const map = new Map<string, Buffer>();
      for (const entry of entriesOf(tables, name))
        map.set(entry.subarray(0, size).toString('latin1'), entry.subarray(size));
      this.#tables.set(name, map);
    }
    this.#policy = this.#find('policy', this.#key(head)) as Buffer;
  }

  get #half(): number {
    return u32(this.#policy, 52);
  }

  #key(...numbers: number[]): Buffer {
    const key = Buffer.alloc(4 * numbers.length);
    for (const [at, number] of numbers.entries()) key.writeUInt32LE(number, 4 * at);
    return key;
  }

  #find(table: string, key: Buffer): Buffer | undefined {
    return this.#tables.get(table)?.get(key.toString('latin1'));
  }

  #classOf(row: number, name: Buffer): number {
    let at = row;
    for (const byte of name) {
      if (at === 0) return 0;
      at = (this.#find('name_rows', this.#key(at)) as Buffer).readUInt16LE(4 + 2 * byte);
    }
    return at === 0 ? 0 : u32(this.#find('name_rows', this.#key(at)) as Buffer, 0);
  }

  #next(state: number, name: Buffer): number {
    if (state === 0) return 0;
    const isLong = name.length > 32;
    const padded = Buffer.alloc(isLong ? 256 : 32);
    name.copy(padded);
    const key = Buffer.concat([this.#key(state, name.length), padded]);
    const edge = this.#find(isLong ? 'long_edges' : 'edges_by_name', key);
    if (edge) return u32(edge, 0);
    const at = this.#find('states', this.#key(state)) as Buffer;
    const row = u32(at, 4);
    if (row !== 0) {
      const cls = this.#classOf(row, name);
      const byClass = cls === 0 ? undefined : this.#find('edges_by_class', this.#key(state, cls));
      if (byClass) return u32(byClass, 0);
    }
    const other = u32(at, 0);
    return other === state ? state : this.#next(other, name);
  }

  #place(path: readonly Buffer[], dev?: number): number[] {
    const device =
      dev === undefined ? this.#policy.subarray(4) : (this.#find('devices', this.#key(this.#half, dev)) as Buffer);
    return [u32(device, 0), u32(device, 4)].map((root) => path.reduce((state, name) => this.#next(state, name), root));
  }

  #programs(states: readonly number[]): bigint {
    return states.reduce((sum, state) => {
      const at = state === 0 ? undefined : this.#find('states', this.#key(state));
      return at === undefined ? sum : sum | at.readBigUInt64LE(24);
    }, 0n);
  }

  #block(ip: string): [number, number] {
    const bytes = parseAddress(ip) as string;
    for (let bits = bytes.length * 8; bits >= 0; bits--) {
      const key = Buffer.alloc(24);
      key.writeUInt32LE(16 + bits, 0);
      key[4] = this.#half;
      key[5] = bytes.length === 4 ? 4 : 6;
      for (let bit = 0; bit < bits; bit++) {
        const of = bytes.charCodeAt(bit >> 3) & (0x80 >> (bit & 7));
        const at = 6 + (bit >> 3);
        key[at] = (key[at] as number) | of;
      }
      const list = this.#find('blocks', key);
      if (list) return [u32(list, 0), u32(list, 4)];
    }
    return [0, 0];
  }

  #firstFit(
    [start, count]: readonly number[],
    q: Question,
    acting: readonly bigint[],
  ): { order: number; rule: number } {
    for (let at = start as number; at < (start as number) + (count as number); at++) {
      const clause = this.#find('clauses', this.#key(at)) as Buffer;
      const [ops = 0, rule = 0, order = 0, forbids = 0, actors = 0, protocols = 0, by = 0, ports = 0] = Array.from(
        { length: 8 },
        (_, field) => u32(clause, 4 * field),
      );
      if ((ops & (forbids ? q.forbid : q.permit)) === 0) continue;
      const sets = [actors & 0xffff, actors >>> 16];
      if (sets.some((set, of) => set !== 0 && (((acting[of] as bigint) >> BigInt(set - 1)) & 1n) === 0n)) continue;
      if (protocols !== 0 && (q.protocol === undefined || ((protocols >> q.protocol) & 1) === 0)) continue;
      if (by !== 0 && by !== (q.written ? 1 : 2)) continue;
      const ranges = Array.from({ length: ports }, (_, range) => u32(clause, 32 + 4 * range));
      const port = q.port ?? 0x10000;
      if (ports > 0 && !ranges.some((range) => port >= (range & 0xffff) && port <= range >>> 16)) continue;
      return { order, rule };
    }
    return { order: NONE, rule: 0 };
  }

  decide(q: Question): Answer {
    const acting = [q.exe, q.script].map((path) => (path === undefined ? 0n : this.#programs(this.#place(path))));
    const lists = (q.path === undefined ? [] : this.#place(q.path, q.dev)).map((state) => {
      const at = state === 0 ? undefined : this.#find('states', this.#key(state));
      return at === undefined ? [0, 0] : [u32(at, 8), u32(at, 12)];
    });
    if (q.ip !== undefined) lists.push(this.#block(q.ip));
    const found = lists.map((list) => this.#firstFit(list, q, acting)).sort((a, b) => a.order - b.order);
    let best = found[0] ?? { order: NONE, rule: 0 };
    if (best.order === NONE) best = this.#firstFit([u32(this.#policy, 16), u32(this.#policy, 20)], q, acting);
    const rule = best.order === NONE ? u32(this.#policy, 24 + 4 * CLASSES.indexOf(q.class)) : best.rule;
    return { rule, action: (this.#find('rules', this.#key(u32(this.#policy, 56) + rule)) as Buffer)[0] as number };
  }
}
