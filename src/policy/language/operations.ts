// What a policy can decide on: one bit an operation, so that a rule's reach is a number and a test is one AND.
import type { PolicyClass } from './types.js';

/** `system`: operations that `default_action` has no word for; only a rule that names the event decides on them. */
export type OperationClass = PolicyClass | 'system';

interface Operation {
  readonly event: string;
  /** The `access` that names it; operations without one are named by `event` or `tool` alone. */
  readonly access?: string;
  readonly class: OperationClass;
}

/** The order is the bit. */
export const OPERATIONS = [
  { event: 'file_open', access: 'read', class: 'file' },
  { event: 'file_open', access: 'write', class: 'file' },
  { event: 'file_create', access: 'create', class: 'file' },
  { event: 'file_delete', access: 'delete', class: 'file' },
  { event: 'file_rename', access: 'rename', class: 'file' },
  { event: 'file_link', access: 'link', class: 'file' },
  { event: 'file_truncate', access: 'write', class: 'file' },
  { event: 'file_attr', access: 'attr', class: 'file' },
  { event: 'process_exec', access: 'exec', class: 'exec' },
  { event: 'network_connect', class: 'network' },
  { event: 'network_send', class: 'network' },
  { event: 'network_bind', class: 'network' },
  { event: 'network_listen', class: 'network' },
  { event: 'unix_connect', class: 'network' },
  { event: 'tool_call', class: 'tool' },
  { event: 'mount', class: 'system' },
  { event: 'privilege_change', class: 'system' },
  { event: 'ptrace', class: 'system' },
  { event: 'signal', class: 'system' },
  { event: 'io_uring_setup', class: 'system' },
  { event: 'kernel_tamper', class: 'system' },
] as const satisfies readonly Operation[];

export type DecidedEvent = (typeof OPERATIONS)[number]['event'];

const bits = (test: (operation: Operation) => boolean): number =>
  OPERATIONS.reduce((mask, operation, bit) => (test(operation) ? mask | (1 << bit) : mask), 0);

export const EVENTS: readonly string[] = [...new Set(OPERATIONS.map(({ event }) => event))];
export const ACCESSES = ['read', 'write', 'create', 'delete', 'rename', 'link', 'attr', 'exec'] as const;

/** Rules ask for the bits of a word again and again. */
const byWord = (
  words: readonly string[],
  of: (operation: Operation) => string | undefined,
): ((word: string) => number) => {
  const known = new Map(words.map((word) => [word, bits((operation) => of(operation) === word)]));
  return (word) => known.get(word) ?? 0;
};
export const eventBits = byWord(EVENTS, ({ event }) => event);
export const accessBits = byWord(ACCESSES, ({ access }) => access);
export const classBits = (of: OperationClass): number => bits((operation) => operation.class === of);
export const ALL_BITS = bits(() => true);

/** Bit of an operation, by event and access where it has several. */
export const bit = (event: DecidedEvent, access?: string): number =>
  bits((operation) => operation.event === event && (access === undefined || operation.access === access));

export const TOOL_CALL = bit('tool_call');
const CHANGES = ['write', 'create', 'delete', 'rename', 'link', 'attr'].reduce(
  (mask, access) => mask | accessBits(access),
  0,
);
const REACHES_OUT = bit('network_connect') | bit('network_send');

/** Tool names that mean something to the kernel too: a rule with one of them holds in both places. */
export const KERNEL_TOOLS: Readonly<Record<string, number>> = {
  file_read: accessBits('read'),
  file_write: CHANGES,
  http_request: REACHES_OUT,
  exec: accessBits('exec'),
};

const LOCAL = bit('network_bind') | bit('network_listen');
const UNIX = bit('unix_connect');

/** Which operations have what a match key speaks of. Keys that are not here (who acts, why) fit every operation. */
export const KEY_BITS = {
  path: classBits('file') | classBits('exec') | UNIX | REACHES_OUT | LOCAL | TOOL_CALL | bit('mount'),
  destination_domain: REACHES_OUT | TOOL_CALL,
  destination_ip: REACHES_OUT | LOCAL | TOOL_CALL,
  port: REACHES_OUT | LOCAL | TOOL_CALL,
  protocol: REACHES_OUT | LOCAL | UNIX,
  database: TOOL_CALL,
  written: classBits('exec'),
} as const;

/** Events that have a path only now and then (a socket that is a file): naming one beside a path is a mistake. */
export const SELDOM_WITH_PATH = ['network_connect'];

/** What rules mean that name objects and no operation: ALLOW is read narrowly, what forbids is read widely. */
export const IMPLIED = {
  path: { permits: classBits('file'), forbids: classBits('file') | classBits('exec') | UNIX | LOCAL | TOOL_CALL },
  network: { permits: REACHES_OUT, forbids: REACHES_OUT | LOCAL | TOOL_CALL },
  tool: { permits: TOOL_CALL, forbids: TOOL_CALL },
} as const;

/** An operation that a rule is asked about: the bits by which a permitting and a forbidding rule may know it. */
export interface Ask {
  readonly class: OperationClass;
  readonly permit: number;
  readonly forbid: number;
}

const plain = (event: DecidedEvent, access?: string): Ask => {
  const mask = bit(event, access);
  const operation = OPERATIONS[31 - Math.clz32(mask)] as Operation;
  return { class: operation.class, permit: mask, forbid: mask };
};

/*
 * A rename or a link gives a file a second name, under which the rules of the first no longer speak of it. So a rule
 * that forbids to read, write or delete a file also forbids to take it away, and one that forbids to write or create a
 * file also forbids to put another one in its place. Not so for running: what may be read can be copied anyway.
 */
const moved = (event: 'file_rename' | 'file_link', asWell: number): Ask => {
  const ask = plain(event);
  return { ...ask, forbid: ask.forbid | asWell };
};
const LEAVES = accessBits('read') | accessBits('write');
const ARRIVES = accessBits('create') | accessBits('write');

export const ASKS = {
  read: plain('file_open', 'read'),
  write: plain('file_open', 'write'),
  create: plain('file_create'),
  delete: plain('file_delete'),
  renameFrom: moved('file_rename', LEAVES | accessBits('delete')),
  renameTo: moved('file_rename', ARRIVES),
  linkFrom: moved('file_link', LEAVES),
  linkTo: moved('file_link', ARRIVES),
  truncate: plain('file_truncate'),
  attr: plain('file_attr'),
  exec: plain('process_exec'),
  connect: plain('network_connect'),
  send: plain('network_send'),
  bind: plain('network_bind'),
  listen: plain('network_listen'),
  unix: plain('unix_connect'),
  tool: plain('tool_call'),
  mount: plain('mount'),
  privilege: plain('privilege_change'),
  ptrace: plain('ptrace'),
  signal: plain('signal'),
  ioUring: plain('io_uring_setup'),
  tamper: plain('kernel_tamper'),
} as const;
