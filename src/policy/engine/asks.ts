// What an event asks of a policy: which operations, on which objects.
import type { AgentEvent } from '../../events/index.js';
import { ASKS, type Ask } from '../language/operations.js';
import { normalise } from '../pattern/path.js';

/** One operation of an event. An event can hold several (a rename takes one name and makes another); all must pass. */
export interface Asked {
  readonly ask: Ask;
  /** Absent where the event has none, or could not resolve it. */
  readonly path: string | undefined;
  /** Of a file that is run: the tree has written it. Absent where it is not known to have. */
  readonly written?: boolean;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const has = (value: unknown, flag: string): boolean => Array.isArray(value) && value.includes(flag);

/** A name that was only asked for is compared with its `..` taken out; where symlinks lead nobody knows any more. */
function pathOf(event: AgentEvent, value: unknown): string | undefined {
  const path = text(value);
  return path !== undefined && event.path_resolved === false ? normalise(path) : path;
}

const one =
  (ask: Ask) =>
  (event: AgentEvent): Asked[] => [{ ask, path: pathOf(event, event.path) }];

/** What an open asks for by its access mode. One that does not say is asked for everything. */
function opened(event: AgentEvent): Ask[] {
  switch (event.access) {
    case 'path': // it opens nothing: no content can be read or written through it
    case 'create':
      return [];
    case 'exec':
      return [ASKS.exec];
    case 'read':
      return has(event.flags, 'O_TRUNC') ? [ASKS.read, ASKS.write] : [ASKS.read];
    case 'write':
      return [ASKS.write];
    default:
      return [ASKS.read, ASKS.write];
  }
}

const onPath = (event: AgentEvent, asks: Ask[]): Asked[] => {
  const path = pathOf(event, event.path);
  return asks.map((ask) => ({ ask, path }));
};

function moved(event: AgentEvent, from: Ask, to: Ask): Asked[] {
  const path = pathOf(event, event.path);
  const target = pathOf(event, event.path_to);
  const asked = [
    { ask: from, path },
    { ask: to, path: target },
  ];
  if (!has(event.flags, 'RENAME_EXCHANGE')) return asked;
  return [...asked, { ask: from, path: target }, { ask: to, path }];
}

/** The kernel asks about the script first and then about the interpreter that its `#!` line names. */
const executed = (event: AgentEvent): Asked[] => [
  ...(event.interpreter !== undefined && event.script !== undefined
    ? [{ ask: ASKS.exec, path: text(event.script), written: event.script_written === true }]
    : []),
  { ask: ASKS.exec, path: pathOf(event, event.path), written: event.written === true },
];

const BY_EVENT = new Map<unknown, (event: AgentEvent) => Asked[]>([
  ['file_open', (event) => onPath(event, opened(event))],
  ['file_create', (event) => onPath(event, [ASKS.create, ...opened(event)])],
  ['file_delete', one(ASKS.delete)],
  ['file_rename', (event) => moved(event, ASKS.renameFrom, ASKS.renameTo)],
  ['file_link', (event) => moved(event, ASKS.linkFrom, ASKS.linkTo)],
  ['file_truncate', one(ASKS.truncate)],
  ['file_attr', one(ASKS.attr)],
  ['process_exec', executed],
  ['network_connect', one(ASKS.connect)],
  ['network_send', one(ASKS.send)],
  ['network_bind', one(ASKS.bind)],
  ['network_listen', one(ASKS.listen)],
  ['unix_connect', one(ASKS.unix)],
  ['tool_call', one(ASKS.tool)],
  ['mount', (event) => [...one(ASKS.mount)(event), { ask: ASKS.mount, path: pathOf(event, event.path_to) }]],
  ['privilege_change', one(ASKS.privilege)],
  ['ptrace', one(ASKS.ptrace)],
  ['signal', one(ASKS.signal)],
  ['io_uring_setup', one(ASKS.ioUring)],
  ['kernel_tamper', one(ASKS.tamper)],
]);

const NOTHING: readonly Asked[] = [];

/** The operations of an event; none for events that only report (an exit, a close, agentgov's own). */
export const asksOf = (event: AgentEvent): readonly Asked[] => BY_EVENT.get(event.event_type)?.(event) ?? NOTHING;
