// What every format is written from: the rules of the generated policy taken apart, one line for each object.
import { ASKS, type ClauseObject, clausesOf, type PathPattern, type Policy, type Rule } from '../../policy/index.js';
import type { Seen } from '../generate/seen.js';

export interface Source {
  /** Letters, digits and . _ - @ +. */
  readonly agent: string;
  readonly policy: Policy;
  readonly seen: Seen;
}

/** A rule for one of its objects. */
export interface Line {
  readonly rule: Rule;
  readonly forbids: boolean;
  /** Operations: bits as in the masks below. */
  readonly ops: number;
  /** A path, a name, a block of addresses; absent where the rule names none. */
  readonly object: ClauseObject;
  readonly exe?: readonly PathPattern[];
  /** Inclusive. */
  readonly ports?: readonly (readonly [number, number])[];
  readonly protocols?: readonly string[];
}

export const READ = ASKS.read.permit;
export const EXEC = ASKS.exec.permit;
export const LINK = ASKS.linkFrom.permit;
export const RENAME = ASKS.renameFrom.permit;
export const CREATE = ASKS.create.permit;
export const WRITE = ASKS.write.permit | ASKS.truncate.permit;
export const UNIX = ASKS.unix.permit;
export const TOOL = ASKS.tool.permit;
export const OUT = ASKS.connect.permit | ASKS.send.permit;
export const LISTEN = ASKS.bind.permit | ASKS.listen.permit;
const CHANGING = {
  write: WRITE,
  create: CREATE,
  delete: ASKS.delete.permit,
  rename: RENAME,
  link: LINK,
  attr: ASKS.attr.permit,
} as const;
export const CHANGES = Object.values(CHANGING).reduce((all, mask) => all | mask, 0);
export const SYSTEM = {
  mount: ASKS.mount.permit,
  privilege_change: ASKS.privilege.permit,
  ptrace: ASKS.ptrace.permit,
  signal: ASKS.signal.permit,
  io_uring_setup: ASKS.ioUring.permit,
  kernel_tamper: ASKS.tamper.permit,
} as const;
export type SystemEvent = keyof typeof SYSTEM;
export const ANY_SYSTEM = Object.values(SYSTEM).reduce((all: number, mask) => all | mask, 0);

/** Ways to change a file that are not among these operations, for formats that know only "write". */
export const otherChanges = (ops: number): string[] =>
  Object.entries(CHANGING).flatMap(([name, mask]) => ((ops & mask) === 0 ? [name] : []));

/** In the order of the rules. @param homes what `~` stands for. */
export function linesOf(policy: Policy, homes: readonly string[]): readonly Line[] {
  const { policies } = policy.document;
  const { clauses } = clausesOf(policy, homes);
  return [...clauses]
    .sort((a, b) => a.rule - b.rule)
    .map(({ rule, forbids, ops, object, exe, ports, protocols }) => ({
      rule: policies[rule] as Rule,
      forbids,
      ops,
      object,
      ...(exe && { exe: exe.patterns }),
      ...(ports && { ports }),
      ...(protocols && { protocols }),
    }));
}

/** The pattern that a line is about, and whether it is one of abstract sockets. */
export const pathOf = ({ object }: Line): PathPattern | undefined =>
  object !== undefined && 'path' in object ? object.path : undefined;
export const isAbstract = ({ components: [first] }: PathPattern): boolean => first?.[0] === '\u0000';

/** A path with nothing in it but what every one of these languages takes as it is. */
export const isPlain = (path: string): boolean => /^(?:\/[A-Za-z0-9._+:=~%@-]+)*$/.test(path);

/** The path of a pattern that is one, or of its folder; undefined for patterns, and for names with other characters. */
export function plainPath({ components, kind }: PathPattern): string | undefined {
  const names = kind === 'folder' ? components.slice(0, -1) : components;
  if (names.some((name) => name === 'any' || name.length > 1)) return undefined;
  const path = names.map((name) => `/${name[0]}`).join('');
  return isPlain(path) ? path : undefined;
}
