// What a profile says that a program does, in the words of the policy language: `access` for files, else the event type.
import type { AgentEvent } from '../events/index.js';
import { ASKS, type Ask } from '../policy/index.js';

export const VERBS = [
  'read',
  'write',
  'create',
  'delete',
  'rename',
  'link',
  'attr',
  'exec',
  'network_connect',
  'network_send',
  'network_bind',
  'network_listen',
  'unix_connect',
  'tool_call',
  'mount',
  'privilege_change',
  'ptrace',
  'signal',
  'io_uring_setup',
  'kernel_tamper',
] as const;
export type Verb = (typeof VERBS)[number];

const BY_ASK = new Map<Ask, Verb>([
  [ASKS.read, 'read'],
  [ASKS.write, 'write'],
  [ASKS.truncate, 'write'],
  [ASKS.create, 'create'],
  [ASKS.delete, 'delete'],
  [ASKS.renameFrom, 'rename'],
  [ASKS.renameTo, 'rename'],
  [ASKS.linkFrom, 'link'],
  [ASKS.linkTo, 'link'],
  [ASKS.attr, 'attr'],
  [ASKS.exec, 'exec'],
  [ASKS.connect, 'network_connect'],
  [ASKS.send, 'network_send'],
  [ASKS.bind, 'network_bind'],
  [ASKS.listen, 'network_listen'],
  [ASKS.unix, 'unix_connect'],
  [ASKS.tool, 'tool_call'],
  [ASKS.mount, 'mount'],
  [ASKS.privilege, 'privilege_change'],
  [ASKS.ptrace, 'ptrace'],
  [ASKS.signal, 'signal'],
  [ASKS.ioUring, 'io_uring_setup'],
  [ASKS.tamper, 'kernel_tamper'],
]);

export function verbOf(ask: Ask): Verb {
  const verb = BY_ASK.get(ask);
  if (verb === undefined) throw new Error('an operation without a verb');
  return verb;
}

/** Done to a file; `exec` is not among them, for what may run is never generalised. */
export const FILE_VERBS = ['read', 'write', 'create', 'delete', 'rename', 'link', 'attr'] as const;
export type FileVerb = (typeof FILE_VERBS)[number];
export const isFileVerb = (verb: Verb): verb is FileVerb => (FILE_VERBS as readonly Verb[]).includes(verb);

const FILE_EVENTS: Readonly<Record<FileVerb | 'exec', AgentEvent>> = {
  read: { event_type: 'file_open', access: 'read' },
  write: { event_type: 'file_open', access: 'write' },
  create: { event_type: 'file_create', access: 'create' },
  delete: { event_type: 'file_delete' },
  rename: { event_type: 'file_rename' },
  link: { event_type: 'file_link' },
  attr: { event_type: 'file_attr' },
  exec: { event_type: 'process_exec' },
};

/** The plainest event that asks for this; its object is added by the caller. */
export const eventOf = (verb: Verb): AgentEvent =>
  isFileVerb(verb) || verb === 'exec' ? FILE_EVENTS[verb] : { event_type: verb };
