import type { AgentEvent, EventType } from '../events/index.js';

/** What a line says about an event, not escaped yet. */
export interface Description {
  readonly verb: string;
  /** What it was done to. */
  readonly object?: string | undefined;
  /** How. */
  readonly detail?: string | undefined;
}

type Describe = (event: AgentEvent) => Description;

const text = (event: AgentEvent, name: string): string | undefined => {
  const value = event[name];
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.join(' ') : String(value);
};

const words = (...parts: (string | undefined | false)[]): string | undefined =>
  parts.filter(Boolean).join(' ') || undefined;

const arrow = (from: string | undefined, to: string | undefined): string | undefined =>
  to ? `${from ?? '?'} → ${to}` : from;

/** An argument as a person would type it; only for reading, the log holds the arguments one by one. */
const quote = (arg: string): string => (/^[\w@%+=:,./~-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`);

const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The file that runs, then its arguments; the name that it was given where that is another one. */
function commandLine(event: AgentEvent): string | undefined {
  const path = text(event, 'path');
  const argv = Array.isArray(event.argv) ? event.argv : [];
  const given = argv[0];
  const alias = path && given !== undefined && base(given) !== base(path) && `(as ${quote(given)})`;
  return words(
    path ? quote(path) : given && quote(given),
    alias,
    ...argv.slice(1).map(quote),
    event.argv_cut === true && '…',
  );
}

const address = (ip: string | undefined, port: string | undefined): string | undefined =>
  ip && (port === undefined ? ip : `${ip.includes(':') ? `[${ip}]` : ip}:${port}`);

const peer = (event: AgentEvent): string | undefined => {
  const domain = text(event, 'dest_domain');
  const at = address(text(event, 'dest_ip'), text(event, 'dest_port'));
  return domain && at ? `${domain} (${at})` : (domain ?? at ?? text(event, 'path'));
};

const own = (event: AgentEvent): string | undefined =>
  address(text(event, 'local_ip'), text(event, 'local_port')) ?? text(event, 'path');

const request = (event: AgentEvent): string | undefined =>
  words(text(event, 'http_method'), `${text(event, 'http_host') ?? ''}${text(event, 'http_path') ?? ''}`);

const marked = (event: AgentEvent): string | undefined =>
  event.incomplete === true ? `! ${text(event, 'reason') ?? 'incomplete'}` : undefined;

const sumOf = (event: AgentEvent, ...names: string[]): number =>
  names.reduce((sum, name) => sum + Number(event[name] ?? 0), 0);

const file =
  (verb: string): Describe =>
  (event) => ({
    verb,
    object: arrow(text(event, 'path'), text(event, 'path_to')),
    detail: text(event, 'value'),
  });

const call =
  (verb: string): Describe =>
  (event) => ({ verb, object: text(event, 'syscall'), detail: text(event, 'value') ?? text(event, 'flags') });

const BY_TYPE: Partial<Record<EventType, Describe>> = {
  session_start: (event) => ({
    verb: 'session start',
    object: words(text(event, 'agent_id'), event.tier !== undefined && `in tier ${event.tier}`),
    detail: words(...(Array.isArray(event.notes) ? event.notes : []).map((note) => `! ${note}`)),
  }),
  session_end: (event) => ({
    verb: 'session end',
    object: text(event, 'agent_id'),
    detail: words(
      event.events !== undefined && `${event.events} events`,
      event.lost !== undefined && event.lost !== 0 && `${event.lost} LOST`,
    ),
  }),
  process_fork: (event) => ({ verb: 'fork', object: event.ppid === undefined ? undefined : `by ${event.ppid}` }),
  process_exec: (event) => ({ verb: 'exec', object: commandLine(event) }),
  process_exit: (event) => ({ verb: 'exit', object: text(event, 'signal') ?? text(event, 'exit_code') }),
  file_open: (event) => ({ verb: 'open', object: text(event, 'path'), detail: text(event, 'access') }),
  file_create: file('create'),
  file_delete: file('delete'),
  file_rename: file('rename'),
  file_link: file('link'),
  file_truncate: file('truncate'),
  file_attr: (event) => ({
    verb: 'attr',
    object: text(event, 'path'),
    detail: words(text(event, 'syscall'), text(event, 'value')),
  }),
  mount: file('mount'),
  network_connect: (event) => ({ verb: 'connect', object: peer(event), detail: text(event, 'protocol') }),
  network_send: (event) => ({ verb: 'send', object: peer(event), detail: text(event, 'protocol') }),
  network_bind: (event) => ({ verb: 'bind', object: own(event), detail: text(event, 'protocol') }),
  network_listen: (event) => ({ verb: 'listen', object: own(event), detail: text(event, 'protocol') }),
  network_close: (event) => ({
    verb: 'close',
    object: peer(event),
    detail: words(
      event.bytes_in !== undefined && `${event.bytes_in} B in`,
      event.bytes_out !== undefined && `${event.bytes_out} B out`,
    ),
  }),
  unix_connect: (event) => ({ verb: 'connect', object: text(event, 'path'), detail: text(event, 'protocol') }),
  dns_answer: (event) => ({
    verb: 'dns',
    object: arrow(
      words(text(event, 'query_type'), text(event, 'dest_domain')),
      Array.isArray(event.answers) && event.answers.length > 0 ? event.answers.join(', ') : undefined,
    ),
    detail: event.rcode === 'NOERROR' ? undefined : text(event, 'rcode'),
  }),
  http_request: (event) => ({
    verb: 'http',
    object: request(event),
    detail: words(event.content_bytes !== 0 && `${event.content_bytes} B`, marked(event)),
  }),
  http_response: (event) => ({
    verb: 'http',
    object: arrow(request(event), text(event, 'http_status')),
    detail: words(event.content_bytes !== undefined && `${event.content_bytes} B`, marked(event)),
  }),
  llm_request: (event) => ({
    verb: 'ask',
    object: text(event, 'model') ?? text(event, 'llm_api'),
    detail: marked(event),
  }),
  llm_response: (event) => ({
    verb: 'answer',
    object: words(text(event, 'model'), text(event, 'error_type') ?? text(event, 'stop_reason')),
    detail: words(
      event.input_tokens !== undefined && `${event.input_tokens} tokens in`,
      event.output_tokens !== undefined && `${event.output_tokens} out`,
      marked(event),
    ),
  }),
  llm_content: (event) => ({
    verb: 'content',
    object: text(event, 'role'),
    detail: words(event.content_bytes !== undefined && `${event.content_bytes} B`),
  }),
  tool_call: (event) => ({ verb: 'tool', object: text(event, 'tool'), detail: text(event, 'arguments') }),
  mcp_request: (event) => ({
    verb: 'mcp',
    object: words(text(event, 'mcp_method'), text(event, 'tool')),
    detail: text(event, 'arguments'),
  }),
  mcp_response: (event) => ({
    verb: 'mcp',
    object: arrow(words(text(event, 'mcp_method'), text(event, 'tool')), text(event, 'error_type') ?? 'answered'),
    detail: marked(event),
  }),
  conversation_gap: (event) => ({
    verb: 'UNREAD',
    object: words(text(event, 'missing_bytes'), 'B', text(event, 'direction')),
    detail: text(event, 'reason'),
  }),
  tls_coverage: (event) => ({
    verb: event.coverage === 'read' ? 'tls read' : `tls ${String(event.coverage).toUpperCase()}`,
    object: words(text(event, 'tls_libraries'), `${text(event, 'tls_connections') ?? '?'} connections`),
    detail: words(
      `${sumOf(event, 'plaintext_in', 'plaintext_out')} B read`,
      event.ciphertext_in !== undefined && `of ${sumOf(event, 'ciphertext_in', 'ciphertext_out')} B on its sockets`,
    ),
  }),
  privilege_change: call('privilege'),
  ptrace: (event) => ({
    verb: 'ptrace',
    object: text(event, 'target_pid'),
    detail: text(event, 'request') ?? text(event, 'syscall'),
  }),
  signal: (event) => ({ verb: 'signal', object: arrow(text(event, 'signal'), text(event, 'target_pid')) }),
  io_uring_setup: call('io_uring'),
  kernel_tamper: call('kernel'),
  events_lost: (event) => ({ verb: 'LOST', object: words(text(event, 'count'), text(event, 'class'), 'events') }),
};

/** Types that have no words of their own: the type, and what most events are about. */
const generic: Describe = (event) => ({
  verb: text(event, 'event_type') ?? '?',
  object: text(event, 'path') ?? peer(event) ?? text(event, 'policy_sha256'),
});

/** What happened, in words. */
export function describe(event: AgentEvent): Description {
  const type = event.event_type;
  const known = typeof type === 'string' && Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type as EventType] : undefined;
  return (known ?? generic)(event);
}
