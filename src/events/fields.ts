import { CONVERSATION, CONVERSATION_FIELDS, COVERAGE_FIELDS } from './conversation-fields.js';
import { type Field, HEX64 } from './field.js';
import type { Action, EventType } from './types.js';

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;
const HEX_BYTES = /^(?:[0-9a-f]{2})+$/;

/** Process work that comes out of one syscall. */
const FILE = [
  'file_open',
  'file_create',
  'file_delete',
  'file_rename',
  'file_link',
  'file_truncate',
  'file_attr',
] as const satisfies EventType[];
const NETWORK = [
  'network_connect',
  'network_close',
  'network_send',
  'network_bind',
  'network_listen',
] as const satisfies EventType[];
/** Unix sockets are bound and sent to by path. */
const PATHS = [
  'process_exec',
  ...FILE,
  'mount',
  'unix_connect',
  'network_bind',
  'network_listen',
  'network_send',
  'enforcement_gap',
] as const satisfies EventType[];
const PATHS_TO = ['file_rename', 'file_link', 'file_create', 'mount'] as const satisfies EventType[];
const SESSION = ['session_start', 'session_end'] as const satisfies EventType[];
const SYSCALL = [
  'process_exec',
  ...FILE,
  'mount',
  'network_connect',
  'network_send',
  'network_bind',
  'network_listen',
  'unix_connect',
  'privilege_change',
  'ptrace',
  'signal',
  'io_uring_setup',
  'kernel_tamper',
  'enforcement_gap',
] as const satisfies EventType[];
/** What it can rest on that a tool call explains an event; src/cause says how sure each makes it. */
export const CAUSES = ['command', 'address', 'path', 'name', 'body', 'url', 'values', 'process'] as const;
const POLICY = [
  ...SESSION,
  'policy_loaded',
  'mode_changed',
  'rule_flood',
  'enforcement_gap',
] as const satisfies EventType[];

/**
 * The one registry of the event record's fields. Nothing else may define one: types, checks, redaction and
 * docs/events.md are made from it.
 */
export const FIELDS = {
  seq: {
    type: 'integer',
    format: 'from 1',
    meaning: 'place in the log: the order in which things happened',
    on: 'all',
    always: true,
  },
  timestamp: {
    type: 'string',
    format: '`2026-04-14T09:23:01.234Z`',
    pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    meaning: 'wall clock (UTC) of the event, always with milliseconds',
    on: 'all',
    always: true,
  },
  agent_id: { type: 'string', meaning: 'the agent that all of this belongs to', on: 'all', always: true },
  event_type: { type: 'string', format: 'see below', meaning: 'what happened', on: 'all', always: true },
  action: { type: 'string', format: 'see below', meaning: 'what became of it', on: 'all', always: true },
  pid: {
    type: 'integer',
    meaning:
      "process, in the host's pid namespace, or in that of the container where agentgov itself runs in one; with `start_us` its identity (a pid alone is reused)",
    on: 'all',
    always: true,
  },
  hash_prev: {
    type: 'string',
    format: '64 hex digits',
    pattern: HEX64,
    meaning: "`hash_self` of the line before; 64 zeros in the log's first line",
    on: 'all',
    always: true,
  },
  hash_self: {
    type: 'string',
    format: '64 hex digits',
    pattern: HEX64,
    meaning: 'SHA-256 of this event in canonical form without this field',
    on: 'all',
    always: true,
  },

  ts_us: {
    type: 'integer',
    format: 'µs since boot',
    meaning: "CLOCK_BOOTTIME of the kernel's event, or of the moment when agentgov made it",
    on: 'all',
  },
  start_us: {
    type: 'integer',
    format: 'µs since boot',
    meaning: 'start of the process (of its first thread)',
    on: 'all',
  },
  ppid: { type: 'integer', meaning: 'parent process when the process was made or seen first', on: 'all' },
  tid: { type: 'integer', meaning: 'thread that did it', on: 'all' },
  pid_inner: {
    type: 'integer',
    meaning: "the process's own pid, where it lives in another pid namespace",
    on: 'all',
  },
  comm: {
    type: 'string',
    format: 'at most 15 bytes',
    meaning: 'name of the thread; any process may set its own',
    on: 'all',
    agentText: 'words',
  },
  exe: {
    type: 'string',
    format: 'path',
    meaning: 'executable file of the process',
    on: 'all',
    agentText: 'path',
  },
  uid: { type: 'integer', meaning: "real user id of the process, in the host's user namespace", on: 'all' },
  gid: { type: 'integer', meaning: "real group id of the process, in the host's user namespace", on: 'all' },
  syscall: {
    type: 'string',
    format: 'name',
    pattern: /^[a-z0-9_]+$/,
    meaning: 'the system call that did it',
    on: SYSCALL,
  },
  errno: {
    type: 'integer',
    format: 'positive',
    meaning: 'it failed, with this error number; absent where it succeeded or the result is not known',
    on: SYSCALL,
  },
  count: {
    type: 'integer',
    format: 'from 1',
    meaning:
      "how many further times the same process did the same to the same object since its last event (in `events_lost`: how many events are missing; in `enforcement_gap`: how often the kernel skipped a program, also for processes outside the tree); an event whose process only repeats itself comes at most every 5 s and at the process's end",
    on: 'all',
  },
  late: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'it came after the 50 ms window in which events are put in order: `ts_us` is right, `seq` is too high',
    on: 'all',
  },
  preexisting: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'it was so already when governing began: an open file, a connection, a running process',
    on: 'all',
  },

  path: {
    type: 'string',
    format: 'absolute path; `\\xNN` for a byte that is not UTF-8; `@name` for an abstract socket',
    meaning: 'the file, directory or socket it was done to',
    on: [...PATHS, 'policy_loaded', 'log_recovered', 'log_pruned', 'session_start', 'foreign_line', 'file_sealed'],
    agentText: 'path',
  },
  path_hex: {
    type: 'string',
    format: 'hex of the exact bytes',
    pattern: HEX_BYTES,
    meaning: 'the bytes of `path`, where the text cannot hold them',
    on: PATHS,
  },
  path_to: {
    type: 'string',
    format: 'as `path`',
    meaning:
      'the other path: new name of a rename or link, mount point of a mount, text of a new symlink (as it was given)',
    on: PATHS_TO,
    agentText: 'path',
  },
  path_to_hex: {
    type: 'string',
    format: 'hex of the exact bytes',
    pattern: HEX_BYTES,
    meaning: 'the bytes of `path_to`, where the text cannot hold them',
    on: PATHS_TO,
  },
  path_resolved: {
    type: 'boolean',
    format: 'only `false`',
    meaning:
      'the path (of a `process_exec` that succeeded, the script) is only the asked name joined to its directory: symlinks and `..` are not followed',
    on: PATHS,
  },
  path_deleted: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'the name was already gone from its directory',
    on: PATHS,
  },
  access: {
    type: 'string',
    format: '`read` `write` `read_write` `exec` `path` `create` `delete` `rename` `link` `attr`',
    pattern: /^(?:read|write|read_write|exec|path|create|delete|rename|link|attr)$/,
    meaning: 'kind of access to `path`',
    on: FILE,
  },
  flags: {
    type: 'strings',
    format: 'names as `O_CREAT`, `MS_BIND`, `CLONE_NEWNET`',
    meaning: 'flags of the system call',
    on: ['process_fork', ...SYSCALL],
  },
  value: {
    type: 'string',
    format: '`0755`, `1000:1000`, `length 0`, …',
    meaning: 'the argument that was set or asked for',
    on: [
      'file_create',
      'file_truncate',
      'file_attr',
      'mount',
      'privilege_change',
      'ptrace',
      'io_uring_setup',
      'kernel_tamper',
    ],
    agentText: 'words',
  },

  argv: {
    type: 'strings',
    format: 'bytes as in `path`',
    meaning: 'the command line',
    on: ['process_exec', 'session_start'],
    agentText: 'argv',
  },
  argv_cut: {
    type: 'boolean',
    format: 'only `true`',
    meaning: '`argv` holds the beginning only',
    on: ['process_exec'],
  },
  argv_bytes: {
    type: 'integer',
    format: 'bytes',
    meaning: 'size of the whole command line, where `argv` is cut',
    on: ['process_exec'],
  },
  cwd: {
    type: 'string',
    format: 'path',
    meaning: 'working directory',
    on: ['process_exec', 'session_start'],
    agentText: 'path',
  },
  script: {
    type: 'string',
    format: 'path',
    meaning: 'the script that the executable runs',
    on: ['process_exec', 'session_start'],
    agentText: 'path',
  },
  written: {
    type: 'boolean',
    format: 'only `true`',
    meaning:
      'the file of `path` is one that this tree has written: it was open for writing in it, or has no name any more (a memfd, a deleted file)',
    on: ['process_exec'],
  },
  script_written: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'the same of the file of `script`',
    on: ['process_exec'],
  },
  interpreter: {
    type: 'string',
    format: 'as in the `#!` line',
    meaning: 'interpreter that the script asks for',
    on: ['process_exec'],
    agentText: 'path',
  },
  cgroup: {
    type: 'string',
    format: 'decimal id',
    pattern: DECIMAL,
    meaning: 'cgroup v2 of the process',
    on: ['process_exec', 'session_start'],
  },
  container_id: {
    type: 'string',
    format: 'hex',
    pattern: /^[0-9a-f]+$/,
    meaning: 'container that the process lives in',
    on: ['process_exec', 'session_start'],
  },
  exit_code: {
    type: 'integer',
    format: '0 to 255',
    meaning: 'exit status of the process (in `session_end`: of the command that agentgov started)',
    on: ['process_exit', 'session_end'],
  },
  signal: {
    type: 'string',
    format: '`SIGKILL`',
    pattern: /^SIG[A-Z0-9+-]+$/,
    meaning: 'signal that was sent or that ended the process',
    on: ['process_exit', 'signal', 'session_end'],
  },
  target_pid: {
    type: 'integer',
    format: 'negative for a group',
    isSigned: true,
    meaning: 'the process that it was done to, as the caller names it',
    on: ['ptrace', 'signal', 'privilege_change'],
  },
  request: {
    type: 'string',
    format: '`PTRACE_ATTACH`, or its number',
    pattern: /^[A-Z0-9_]+$/,
    meaning: 'what ptrace was asked to do',
    on: ['ptrace'],
  },

  dest_ip: {
    type: 'string',
    format: 'IPv4 or IPv6 address',
    pattern: /^[0-9a-f:.]+$/,
    meaning: 'the other side of the connection',
    on: ['network_connect', 'network_close', 'network_send', ...CONVERSATION],
  },
  dest_port: {
    type: 'integer',
    format: '0 to 65535',
    meaning: "the other side's port",
    on: ['network_connect', 'network_close', 'network_send', ...CONVERSATION],
  },
  dest_domain: {
    type: 'string',
    format: 'without the last dot; a byte that is not printable is `\\DDD`',
    meaning:
      'the name that explains `dest_ip`: what an earlier answer (or /etc/hosts) gave the address for, lower case; evidence, no proof, for whoever runs the name server chooses it. In `dns_answer` the name that was asked for, as it was spelled',
    on: ['network_connect', 'network_close', 'network_send', 'dns_answer', ...CONVERSATION],
    agentText: 'words',
  },
  protocol: {
    type: 'string',
    format: '`tcp` `udp` `icmp` `raw` `sctp` `unix-stream` …',
    pattern: /^[a-z0-9-]+$/,
    meaning: 'transport protocol, or the kind of socket',
    on: [...NETWORK, 'unix_connect', 'dns_answer'],
  },
  local_ip: {
    type: 'string',
    format: 'IPv4 or IPv6 address',
    pattern: /^[0-9a-f:.]+$/,
    meaning: 'own address of the socket',
    on: [...NETWORK, ...CONVERSATION],
  },
  local_port: {
    type: 'integer',
    format: '0 to 65535',
    meaning: 'own port of the socket',
    on: [...NETWORK, ...CONVERSATION],
  },
  bytes_in: {
    type: 'integer',
    format: 'bytes',
    meaning: 'payload received over the whole connection',
    on: ['network_close'],
  },
  bytes_out: {
    type: 'integer',
    format: 'bytes',
    meaning: 'payload sent over the whole connection',
    on: ['network_close'],
  },
  server_ip: {
    type: 'string',
    format: 'IPv4 or IPv6 address',
    pattern: /^[0-9a-f:.]+$/,
    meaning: 'name server that answered',
    on: ['dns_answer'],
  },
  server_port: { type: 'integer', format: '0 to 65535', meaning: "the name server's port", on: ['dns_answer'] },
  query_type: {
    type: 'string',
    format: '`A`, `AAAA`, `TYPE64`',
    pattern: /^[A-Z0-9]+$/,
    meaning: 'record type that was asked for',
    on: ['dns_answer'],
  },
  rcode: {
    type: 'string',
    format: '`NOERROR`, `NXDOMAIN`, `RCODE11`',
    pattern: /^[A-Z0-9]+$/,
    meaning: 'result of the query',
    on: ['dns_answer'],
  },
  answers: {
    type: 'strings',
    format: '`A 192.0.2.1`, `CNAME a.example`',
    meaning: 'the records of the answer, in their order, at most 64',
    on: ['dns_answer'],
    agentText: 'words',
  },
  answers_cut: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'the answer held more than `answers` shows',
    on: ['dns_answer'],
  },

  ...CONVERSATION_FIELDS,
  credential: {
    type: 'string',
    format: '16 hex digits',
    pattern: /^[0-9a-f]{16}$/,
    meaning:
      'fingerprint of the (first) secret that was taken out of this event: HMAC-SHA256 with a key of this installation; the same secret has the same fingerprint everywhere on it',
    on: 'all',
  },
  ...COVERAGE_FIELDS,
  policy_rule: { type: 'string', meaning: 'the rule that decided', on: 'all' },
  alert: {
    type: 'boolean',
    meaning: "true: the policy's `alerts` are told, for its rule says `alert: true` or it is a `rule_flood`",
    on: 'all',
  },
  reason: {
    type: 'string',
    meaning: 'why, in words for people',
    on: 'all',
    agentText: 'words',
  },
  cause_seq: { type: 'integer', format: 'a `seq`', meaning: 'the event that led to this one', on: 'all' },
  intent: {
    type: 'string',
    format: '`unmatched`',
    pattern: /^unmatched$/,
    meaning:
      'no tool call explains it when it happens, though some were seen before it; the one that does is `cause_seq`',
    on: ['process_exec', 'network_connect', ...FILE],
  },
  cause_by: {
    type: 'string',
    format: CAUSES.map((basis) => `\`${basis}\``).join(' '),
    pattern: new RegExp(`^(?:${CAUSES.join('|')})$`),
    meaning: 'what it rests on that the tool call `cause_seq` explains it, see [conversations](conversations.md)',
    on: ['process_exec', 'network_connect', 'http_request', ...FILE],
  },
  class: {
    type: 'string',
    format: '`process` `file` `network` `security` `verdict`',
    pattern: /^[a-z_]+$/,
    meaning: 'which kind of events is missing',
    on: ['events_lost'],
  },

  session_id: { type: 'string', meaning: 'one run of agentgov over this agent', on: 'all' },
  run_id: { type: 'string', meaning: 'one life of a root process of the agent', on: 'all' },
  parent_agent_id: { type: 'string', meaning: 'the governed agent that started this one', on: 'all' },
  boot_id: { type: 'string', meaning: "the kernel's id of this boot", on: SESSION },
  host: { type: 'string', meaning: 'name of this machine', on: SESSION },
  kernel: { type: 'string', format: '`6.12.41`', meaning: 'release of the kernel', on: ['session_start'] },
  version: { type: 'string', format: '`0.1.0`', meaning: 'version of agentgov', on: ['session_start'] },
  tier: {
    type: 'string',
    format: '`lsm` `hook` `launch` `observe`',
    pattern: /^(?:lsm|hook|launch|observe)$/,
    meaning: 'what agentgov can do on this kernel',
    on: POLICY,
  },
  tier_reason: { type: 'string', meaning: 'why this tier and no better one', on: ['session_start'] },
  mode: { type: 'string', format: '`monitor` `audit` `enforce`', meaning: 'what is done with a finding', on: POLICY },
  policy_sha256: {
    type: 'string',
    format: '64 hex digits',
    pattern: HEX64,
    meaning: 'hash of the policy file in force',
    on: POLICY,
  },
  notes: {
    type: 'strings',
    meaning:
      'what cannot be seen, held or trusted in this session: blind spots of the tier, files that the agent can write, rules that are less than they look',
    on: [...SESSION, 'policy_loaded'],
    agentText: 'words',
  },
  audit_hours: {
    type: 'integer',
    format: 'hours',
    meaning:
      'whole hours that the rule was in audit mode with agentgov watching; in `policy_loaded` those of the rule with the fewest',
    on: ['policy_loaded', 'mode_changed'],
  },
  would_blocks: {
    type: 'integer',
    meaning: 'verdicts `WOULD_BLOCK` of a rule in the time after which it is enforced by itself',
    on: ['mode_changed'],
  },
  rule_counts: {
    type: 'strings',
    format: '`MODE WOULD_BLOCK BLOCKED RULE`, as `audit 3 0 payments`; `>=3` where verdicts were lost',
    meaning:
      'verdicts of each rule since it is in its mode, earlier sessions included; at most 200 rules, those with the most',
    on: ['session_end'],
  },
  target_pids: {
    type: 'strings',
    format: 'decimal pids',
    meaning: 'root processes of the governed tree',
    on: ['session_start'],
  },
  processes: { type: 'integer', meaning: 'members of the tree when governing began', on: ['session_start'] },
  checkpoint_key: {
    type: 'string',
    format: '`NAME+ID` of the key',
    meaning: 'the key that signs the checkpoint over the log up to and including this line',
    on: ['checkpoint'],
  },
  tail_sha256: {
    type: 'string',
    format: '64 hex digits',
    pattern: HEX64,
    meaning: 'hash of the bytes that were set aside (`path`)',
    on: ['log_recovered'],
  },
  tail_bytes: { type: 'integer', format: 'bytes', meaning: 'how many they are', on: ['log_recovered'] },
  line: {
    type: 'string',
    format: 'bytes as in `path`',
    meaning: 'the line, without its LF',
    on: ['foreign_line'],
  },
  line_hex: {
    type: 'string',
    format: 'hex of the exact bytes',
    pattern: HEX_BYTES,
    meaning: 'the bytes of `line`, where the text cannot hold them',
    on: ['foreign_line'],
  },
  line_number: { type: 'integer', format: 'from 1', meaning: 'its number in that log', on: ['foreign_line'] },
  line_continues: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'no LF stood behind it: the rest of the line is in the next such event, or has not been written yet',
    on: ['foreign_line'],
  },
  source_bytes: {
    type: 'integer',
    format: 'bytes',
    meaning: 'how much of that log is in this one',
    on: ['file_sealed'],
  },
  source_lines: { type: 'integer', meaning: 'how many lines they are', on: ['file_sealed'] },
  source_sha256: {
    type: 'string',
    format: '64 hex digits',
    pattern: HEX64,
    meaning: 'hash of these bytes',
    on: ['file_sealed'],
  },
  first_seq: { type: 'integer', meaning: '`seq` of the first line that was removed', on: ['log_pruned'] },
  last_seq: { type: 'integer', meaning: '`seq` of the last one', on: ['log_pruned'] },
  events: { type: 'integer', meaning: 'events of this session, the last one included', on: ['session_end'] },
  lost: { type: 'integer', meaning: 'events of this session that were lost', on: ['session_end'] },
  unmatched: {
    type: 'integer',
    meaning: 'events marked `intent: unmatched`, without connections that a later request explained',
    on: ['session_end'],
  },
} as const satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;

/** Looks a name up that may come from anywhere. */
export const fieldOf = (name: string): Field | undefined =>
  Object.hasOwn(FIELDS, name) ? FIELDS[name as FieldName] : undefined;

/** Every value that an event may hold: no floats, no null, nothing nested. */
export type EventValue = string | number | boolean | string[];

/** One event, as it is on a line of the log. Logs of other writers may hold fields that the registry does not know. */
export type AgentEvent = Record<string, EventValue>;

interface ValueOf {
  string: string;
  integer: number;
  boolean: boolean;
  strings: string[];
}
type Sealed = 'seq' | 'hash_prev' | 'hash_self';
type Named = 'event_type' | 'action';

/** An event before the log gives it `seq` and the hashes; only fields of the registry, each with its own type. */
export type EventDraft = { event_type: EventType; action: Action } & {
  [K in Exclude<FieldName, Sealed | Named>]?: ValueOf[(typeof FIELDS)[K]['type']];
};
