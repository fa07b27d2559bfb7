/** What an event is. Adding one is cheap; giving an old one a second meaning is not (docs/events.md is made from this). */
export const EVENT_TYPES = {
  session_start: 'agentgov began to govern an agent: with what, on which kernel, and what it cannot see',
  session_end: 'agentgov stopped governing, and why',
  policy_loaded: 'a policy came into force',
  mode_changed: 'all rules of the policy in force, or one (`policy_rule`), went into another mode',
  rule_flood:
    'a rule (`policy_rule`) was met more than 100 times within a minute: it, or the agent, is not what was meant',
  alert_delivery: "a place of the policy's `alerts` takes none, takes them again, or did not get some (`reason`)",
  process_fork: 'a member of the tree made a child process (`pid` is the child)',
  process_exec: 'a process replaced its program, or tried to (`errno`)',
  process_exit: 'a process ended',
  file_open: 'a file was opened',
  file_create: 'a file, directory, symlink, fifo, socket or device node was made (also by opening it)',
  file_delete: 'a name was removed from a directory',
  file_rename: 'a name was moved (`path` to `path_to`)',
  file_link: 'a file got a second name (`path_to`)',
  file_truncate: 'the length of a file was set',
  file_attr: 'mode, owner, times or extended attributes were set',
  mount: 'the mount tree or the root directory of a process changed',
  network_connect: 'a connection was asked for',
  network_close: 'a TCP connection ended that the process made, accepted, or had when governing began',
  network_send: 'a packet was sent to an address without a connection',
  network_bind: 'a local address was taken',
  network_listen: 'a socket began to accept connections',
  unix_connect: 'a connection to a local socket was asked for',
  dns_answer: 'a name server answered a process of the tree',
  http_request: 'an HTTP request in the plaintext of a connection',
  http_response: 'an HTTP response in the plaintext of a connection',
  llm_request: 'a request to a model',
  llm_response: 'a response of a model',
  llm_content: 'a piece of content that a model was given, when this session sees it for the first time',
  tool_call: 'a tool that a model asked for',
  mcp_request: 'a request to an MCP server',
  mcp_response: 'an answer of an MCP server',
  conversation_gap: 'plaintext of a connection that was not captured, or not understood (`reason`)',
  tls_coverage: 'which TLS library of a process is read, or why it cannot be',
  privilege_change: 'user, group, capabilities or namespaces of a process changed',
  ptrace: 'a process reached into another one',
  signal: 'a signal was sent to a process outside the tree',
  io_uring_setup: 'a process made an io_uring; what it does through the ring may be invisible in this tier',
  kernel_tamper: 'bpf(), a kernel module, perf or kexec was asked for',
  enforcement_gap:
    'the policy was not airtight: the kernel skipped programs that decide (`recursion`, with their `count`), or a process was `killed` for a call that none was asked about',
  approval_requested: 'an operation waits for a human',
  approval_granted: 'a human let it through',
  approval_denied: 'a human refused it',
  approval_expired: 'nobody answered in time',
  events_lost: 'events that happened and are not in this log',
  log_recovered: 'a torn tail of this log was moved aside',
  foreign_line: "a line of another program's log (`path`), as it stands there",
  file_sealed: "another program's log (`path`) is in this one, up to here",
  log_pruned: 'a finished file of this log was removed on purpose',
  checkpoint: 'a signed statement about the log up to this line is made',
} as const satisfies Record<string, string>;

export type EventType = keyof typeof EVENT_TYPES;

/** What became of the operation. */
export const ACTIONS = {
  OBSERVED: 'seen; no policy was asked',
  ALLOWED: 'a policy allowed it',
  WOULD_BLOCK: 'a policy in audit mode would have blocked it',
  WOULD_HOLD: 'a policy in audit mode would have held it for a human',
  BLOCKED: 'the kernel refused it',
  HELD: 'it waits for a human',
} as const satisfies Record<string, string>;

export type Action = keyof typeof ACTIONS;

export const isEventType = (name: unknown): name is EventType =>
  typeof name === 'string' && Object.hasOwn(EVENT_TYPES, name);

export const isAction = (name: unknown): name is Action => typeof name === 'string' && Object.hasOwn(ACTIONS, name);
