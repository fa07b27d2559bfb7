// What an AppArmor profile allows, by apparmor_parser itself: the profile is compiled, and the automaton that the kernel
// would walk is walked here. Formats: parser/parser_interface.c and libapparmor_re/flex-tables.h of AppArmor 3.0, and
// security/apparmor/match.c of Linux.
import { execFileSync } from 'node:child_process';

const PARSER = '/usr/sbin/apparmor_parser';
const MAGIC = 0x1b5e783d;
const TABLES = { accept: 1, base: 2, check: 3, fallback: 4, classes: 5, next: 8 } as const;
/** Where the kernel begins, and the bits of what a state allows (of the owner; files of others are 14 bits further). */
const START = 1;
const OTHERS = 14;
const BITS = { x: 1, w: 2, r: 4, a: 8, l: 16, k: 32, m: 64 } as const;

export type Permission = keyof typeof BITS;

const run = (args: readonly string[], profile: string): Buffer =>
  execFileSync(PARSER, ['--skip-kernel-load', '--skip-cache', '--quiet', ...args], {
    input: profile,
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'pipe'],
  });

interface Table {
  readonly width: number;
  readonly data: Buffer;
}

function tablesAt(binary: Buffer, at: number): Map<number, Table> {
  if (binary.readUInt32BE(at) !== MAGIC) throw new Error('no automaton where one was expected');
  const end = at + binary.readUInt32BE(at + 8);
  const tables = new Map<number, Table>();
  for (let place = at + binary.readUInt32BE(at + 4); place < end; ) {
    const width = binary.readUInt16BE(place + 2);
    const bytes = width * binary.readUInt32BE(place + 8);
    tables.set(binary.readUInt16BE(place), { width, data: binary.subarray(place + 12, place + 12 + bytes) });
    place += Math.ceil((12 + bytes) / 8) * 8;
  }
  return tables;
}

/**
 * The rules of a profile for files.
 *
 * @returns for the bytes of a path (folders end in `/`, as the kernel spells them), what may be done with it.
 */
export function fileRules(profile: string): (path: Buffer) => ReadonlySet<Permission> {
  const binary = run(['--stdout', '-O', 'no-diff-encode'], profile);
  // The rules for files are the last automaton; the ones before it are for everything else.
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE(MAGIC);
  const tables = tablesAt(binary, binary.lastIndexOf(mark));
  const read = (name: keyof typeof TABLES): ((index: number) => number) => {
    const { width, data } = tables.get(TABLES[name]) ?? { width: 1, data: Buffer.alloc(0) };
    return (index) => (data.length === 0 ? index : data.readUIntBE(index * width, width));
  };
  const [accept, base, check, fallback, classes, next] = (
    ['accept', 'base', 'check', 'fallback', 'classes', 'next'] as const
  ).map(read) as [Lookup, Lookup, Lookup, Lookup, Lookup, Lookup];
  return (path) => {
    let state = START;
    for (const byte of path) {
      const at = (base(state) & 0xffffff) + classes(byte);
      state = check(at) === state ? next(at) : fallback(state);
    }
    const allowed = accept(state);
    const names = Object.keys(BITS) as Permission[];
    return new Set(names.filter((name) => (allowed & BITS[name]) !== 0 && (allowed & (BITS[name] << OTHERS)) !== 0));
  };
}

type Lookup = (index: number) => number;
