// Which OCSF class and activity each type of event is.
import { constants } from 'node:os';
import type { AgentEvent, EventType } from '../events/index.js';
import { numberOf, textOf } from './record.js';

export interface Activity {
  readonly classUid: number;
  readonly className: string;
  readonly activityId: number;
  readonly activityName: string;
}

/** Activities of the classes in use (events/*.json of the schema). 99 is Other in all of them. */
const CLASSES = {
  0: { name: 'Base Event', activities: {} },
  1001: {
    name: 'File System Activity',
    activities: {
      Create: 1,
      Update: 3,
      Delete: 4,
      Rename: 5,
      'Set Attributes': 6,
      'Set Security': 7,
      Mount: 12,
      Unmount: 13,
      Open: 14,
    },
  },
  1003: { name: 'Kernel Activity', activities: { Invoke: 4 } },
  1007: {
    name: 'Process Activity',
    activities: { Launch: 1, Terminate: 2, Open: 3, Inject: 4, 'Set User ID': 5 },
  },
  1008: { name: 'Event Log Activity', activities: { Delete: 2, Archive: 4, Start: 6, Stop: 7 } },
  4001: { name: 'Network Activity', activities: { Open: 1, Close: 2, Fail: 4, Refuse: 5, Traffic: 6, Listen: 7 } },
  4003: { name: 'DNS Activity', activities: { Response: 2 } },
} as const;

type ClassUid = keyof typeof CLASSES;
/** What an event is: a class, and one of its activities; `Other` for what the class has no activity for. */
type Choice = { [Uid in ClassUid]: readonly [Uid, keyof (typeof CLASSES)[Uid]['activities'] | 'Other'] }[ClassUid];

const CHOICES: Record<EventType, Choice | ((event: AgentEvent) => Choice)> = {
  session_start: [1008, 'Start'],
  session_end: [1008, 'Stop'],
  policy_loaded: [0, 'Other'],
  mode_changed: [0, 'Other'],
  rule_flood: [0, 'Other'],
  alert_delivery: [0, 'Other'],
  process_fork: [1007, 'Launch'],
  process_exec: [1007, 'Launch'],
  process_exit: [1007, 'Terminate'],
  file_open: [1001, 'Open'],
  file_create: [1001, 'Create'],
  file_delete: [1001, 'Delete'],
  file_rename: [1001, 'Rename'],
  file_link: [1001, 'Create'],
  file_truncate: [1001, 'Update'],
  file_attr: (event) => [1001, /ch(?:mod|own)/.test(syscallOf(event)) ? 'Set Security' : 'Set Attributes'],
  mount: (event) => [1001, syscallOf(event).startsWith('umount') ? 'Unmount' : 'Mount'],
  network_connect: connected,
  network_close: [4001, 'Close'],
  network_send: [4001, 'Traffic'],
  network_bind: [4001, 'Other'],
  network_listen: [4001, 'Listen'],
  unix_connect: connected,
  dns_answer: [4003, 'Response'],
  // No session writes these yet; each gets the class of its fields when one does.
  http_request: [0, 'Other'],
  http_response: [0, 'Other'],
  llm_request: [0, 'Other'],
  llm_response: [0, 'Other'],
  llm_content: [0, 'Other'],
  tool_call: [0, 'Other'],
  mcp_request: [0, 'Other'],
  mcp_response: [0, 'Other'],
  conversation_gap: [0, 'Other'],
  tls_coverage: [0, 'Other'],
  privilege_change: (event) => [1007, /set(?:re|res|fs)?uid/.test(syscallOf(event)) ? 'Set User ID' : 'Other'],
  ptrace: (event) => [1007, /POKE|SETREGS/.test(textOf(event, 'request') ?? '') || isWrite(event) ? 'Inject' : 'Open'],
  signal: (event) => [1007, ENDING.has(textOf(event, 'signal') ?? '') ? 'Terminate' : 'Other'],
  io_uring_setup: [1003, 'Invoke'],
  kernel_tamper: [1003, 'Invoke'],
  enforcement_gap: [1008, 'Other'],
  approval_requested: [0, 'Other'],
  approval_granted: [0, 'Other'],
  approval_denied: [0, 'Other'],
  approval_expired: [0, 'Other'],
  events_lost: [1008, 'Other'],
  log_recovered: [1008, 'Other'],
  foreign_line: [0, 'Other'],
  file_sealed: [1008, 'Archive'],
  log_pruned: [1008, 'Delete'],
  checkpoint: [1008, 'Other'],
};

const ENDING = new Set(['SIGKILL', 'SIGTERM', 'SIGQUIT', 'SIGINT', 'SIGHUP', 'SIGABRT']);

const syscallOf = (event: AgentEvent): string => textOf(event, 'syscall') ?? '';
const isWrite = (event: AgentEvent): boolean => syscallOf(event) === 'process_vm_writev';

function connected(event: AgentEvent): Choice {
  const errno = numberOf(event, 'errno');
  // EINPROGRESS: a connect that does not wait.
  if (errno === undefined || errno === constants.errno.EINPROGRESS) return [4001, 'Open'];
  return [4001, errno === constants.errno.ECONNREFUSED ? 'Refuse' : 'Fail'];
}

/** Base Event, Other for a type that this version does not know. */
export function activityOf(event: AgentEvent): Activity {
  const type = textOf(event, 'event_type') ?? '';
  const choice = Object.hasOwn(CHOICES, type) ? CHOICES[type as EventType] : ([0, 'Other'] as const);
  const [classUid, activityName] = typeof choice === 'function' ? choice(event) : choice;
  const { name, activities } = CLASSES[classUid];
  const activityId = (activities as Record<string, number>)[activityName] ?? 99;
  return { classUid, className: name, activityId, activityName };
}
