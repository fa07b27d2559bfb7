// Elastic Common Schema 8.17 (elastic.co/guide/en/ecs/8.17): the fields that it knows, and the whole event under
// `agentgov`, so that nothing is left out.
import { asciiJson } from '../ascii-json.js';
import type { AgentEvent, EventType } from '../events/index.js';
import { errnoName } from '../output/index.js';
import {
  baseOf,
  commandLine,
  type ExportRecord,
  known,
  listOf,
  numberOf,
  textOf,
  type Weight,
  weightOf,
} from './record.js';

const ECS_VERSION = '8.17.0';

/** `event.category` and `event.type`, of the values that the schema allows, for each type of event. */
const KINDS: Record<EventType, readonly [category: readonly string[], type: readonly string[]]> = {
  session_start: [['session', 'host'], ['start']],
  session_end: [['session', 'host'], ['end']],
  policy_loaded: [['configuration'], ['change']],
  mode_changed: [['configuration'], ['change']],
  rule_flood: [['configuration'], ['info']],
  alert_delivery: [['configuration'], ['info']],
  process_fork: [['process'], ['start']],
  process_exec: [['process'], ['start']],
  process_exit: [['process'], ['end']],
  file_open: [['file'], ['access']],
  file_create: [['file'], ['creation']],
  file_delete: [['file'], ['deletion']],
  file_rename: [['file'], ['change']],
  file_link: [['file'], ['creation']],
  file_truncate: [['file'], ['change']],
  file_attr: [['file'], ['change']],
  mount: [['host', 'configuration'], ['change']],
  network_connect: [['network'], ['connection', 'start']],
  network_close: [['network'], ['connection', 'end']],
  network_send: [['network'], ['connection']],
  network_bind: [['network'], ['info']],
  network_listen: [['network'], ['start']],
  unix_connect: [['network'], ['connection', 'start']],
  dns_answer: [['network'], ['protocol', 'info']],
  http_request: [
    ['web', 'network'],
    ['access', 'protocol'],
  ],
  http_response: [
    ['web', 'network'],
    ['info', 'protocol'],
  ],
  llm_request: [['api'], ['start']],
  llm_response: [['api'], ['end']],
  llm_content: [['api'], ['info']],
  tool_call: [['api'], ['info']],
  mcp_request: [['api'], ['start']],
  mcp_response: [['api'], ['end']],
  conversation_gap: [['network'], ['info']],
  tls_coverage: [['configuration'], ['info']],
  privilege_change: [['process', 'iam'], ['change']],
  ptrace: [['process'], ['access']],
  signal: [['process'], ['change']],
  io_uring_setup: [['process'], ['info']],
  kernel_tamper: [['driver'], ['change']],
  enforcement_gap: [['intrusion_detection'], ['info']],
  approval_requested: [['session'], ['info']],
  approval_granted: [['session'], ['allowed']],
  approval_denied: [['session'], ['denied']],
  approval_expired: [['session'], ['denied']],
  events_lost: [['host'], ['error']],
  log_recovered: [['host'], ['error']],
  foreign_line: [['host'], ['info']],
  file_sealed: [['host'], ['info']],
  log_pruned: [['host'], ['deletion']],
  checkpoint: [['host'], ['info']],
};

/** `event.severity` has no scale of its own; this is syslog's, turned round, so that more is worse. */
const SEVERITY: Record<Weight, number> = { info: 1, notice: 2, warning: 3, error: 4 };

export function toEcs({ event, seq, time, origin }: ExportRecord): string {
  const type = textOf(event, 'event_type') ?? '';
  const action = textOf(event, 'action') ?? '';
  const [category, types] = (Object.hasOwn(KINDS, type) ? KINDS[type as EventType] : undefined) ?? [['host'], ['info']];
  const verdict = action === 'BLOCKED' ? ['denied'] : action === 'ALLOWED' ? ['allowed'] : [];
  const isFinding = ['BLOCKED', 'WOULD_BLOCK', 'HELD', 'WOULD_HOLD'].includes(action);
  return asciiJson(
    known({
      '@timestamp': new Date(time).toISOString(),
      ecs: { version: ECS_VERSION },
      message: textOf(event, 'reason'),
      event: known({
        kind: isFinding ? 'alert' : 'event',
        category,
        type: [...new Set([...types, ...verdict])],
        action: type,
        outcome: outcomeOf(event),
        code: action,
        dataset: 'agentgov.audit',
        module: 'agentgov',
        provider: 'kernel',
        id: textOf(event, 'hash_self'),
        sequence: seq,
        severity: SEVERITY[weightOf(event)],
        reason: textOf(event, 'reason'),
      }),
      observer: { vendor: 'agentgov', product: 'agentgov', type: 'sensor', version: origin.version },
      host: known({
        hostname: origin.host,
        name: origin.host,
        boot: origin.boot_id && { id: origin.boot_id },
        os: origin.kernel && { type: 'linux', kernel: origin.kernel },
      }),
      error: errorOf(numberOf(event, 'errno')),
      rule: known({ name: textOf(event, 'policy_rule') }),
      process: processOf(event, origin.boot_id),
      user: known({ id: decimal(numberOf(event, 'uid')) }),
      group: known({ id: decimal(numberOf(event, 'gid')) }),
      container: known({ id: textOf(event, 'container_id') }),
      file: type.startsWith('file_') || type === 'mount' ? fileOf(textOf(event, 'path')) : undefined,
      ...networkOf(event, type),
      related: relatedOf(event),
      agentgov: event,
    }),
  );
}

const decimal = (number: number | undefined): string | undefined => (number === undefined ? undefined : String(number));

function outcomeOf({ errno, action, event_type: type, exit_code: exit }: AgentEvent): string {
  if (errno !== undefined || action === 'BLOCKED') return 'failure';
  if (action === 'HELD') return 'unknown';
  if (type === 'process_exit') return exit === 0 ? 'success' : 'failure';
  return 'success';
}

const errorOf = (errno: number | undefined): object | undefined =>
  errno === undefined ? undefined : { code: String(errno), type: errnoName(errno) };

function processOf(event: AgentEvent, boot: string | undefined): object | undefined {
  const argv = listOf(event, 'argv');
  const start = numberOf(event, 'start_us');
  const pid = numberOf(event, 'pid');
  const parent = numberOf(event, 'ppid');
  const thread = numberOf(event, 'tid');
  return known({
    pid,
    // A pid is used again; with its start, in this boot, it is not.
    entity_id: start === undefined ? undefined : [boot ?? '', pid, start].join('-'),
    parent: parent === undefined ? undefined : { pid: parent },
    thread: thread === undefined ? undefined : { id: thread },
    name: textOf(event, 'comm'),
    executable: textOf(event, 'exe'),
    args: argv,
    args_count: argv?.length,
    command_line: argv && commandLine(argv),
    working_directory: textOf(event, 'cwd'),
    exit_code: numberOf(event, 'exit_code'),
  });
}

function fileOf(path: string | undefined): object | undefined {
  if (path === undefined) return undefined;
  const name = baseOf(path);
  const slash = path.lastIndexOf('/');
  const dot = name.lastIndexOf('.');
  return known({
    path,
    name,
    directory: slash > 0 ? path.slice(0, slash) : slash === 0 ? '/' : undefined,
    extension: dot > 0 && dot < name.length - 1 ? name.slice(dot + 1) : undefined,
  });
}

/** `network`, `source`, `destination`, `dns`: the agent is the source, whoever it talks to the destination. */
function networkOf(event: AgentEvent, type: string): Record<string, object | undefined> {
  if (!type.startsWith('network_') && type !== 'dns_answer' && type !== 'unix_connect') return {};
  const isDns = type === 'dns_answer';
  const [ip, local] = [textOf(event, isDns ? 'server_ip' : 'dest_ip'), textOf(event, 'local_ip')];
  const domain = isDns ? undefined : textOf(event, 'dest_domain');
  const [received, sent] = [numberOf(event, 'bytes_in'), numberOf(event, 'bytes_out')];
  const transport = textOf(event, 'protocol');
  const path = type === 'unix_connect' || ip === undefined ? textOf(event, 'path') : undefined;
  return {
    network: known({
      transport,
      protocol: isDns ? 'dns' : undefined,
      type: (ip ?? local) && ((ip ?? local)?.includes(':') ? 'ipv6' : 'ipv4'),
      direction: isDns || /connect|send|close/.test(type) ? 'egress' : undefined,
      bytes: received === undefined && sent === undefined ? undefined : (received ?? 0) + (sent ?? 0),
    }),
    source: known({ ip: local, address: local, port: numberOf(event, 'local_port'), bytes: sent }),
    destination: known({
      ip,
      address: domain ?? ip ?? path,
      domain,
      port: numberOf(event, isDns ? 'server_port' : 'dest_port'),
      bytes: received,
    }),
    dns: isDns ? dnsOf(event) : undefined,
  };
}

function dnsOf(event: AgentEvent): object | undefined {
  const name = textOf(event, 'dest_domain');
  const type = textOf(event, 'query_type');
  const answers = listOf(event, 'answers')?.map((answer) => {
    const [kind = '', data = ''] = answer.split(/ (.*)/s);
    return { type: kind, data };
  });
  return known({
    type: 'answer',
    question: known({ name, type }),
    response_code: textOf(event, 'rcode'),
    answers,
    resolved_ip: answers?.filter(({ type: kind }) => kind === 'A' || kind === 'AAAA').map(({ data }) => data),
  });
}

function relatedOf(event: AgentEvent): object | undefined {
  const ips = ['local_ip', 'dest_ip', 'server_ip'].flatMap((key) => textOf(event, key) ?? []);
  const domain = textOf(event, 'dest_domain');
  return known({
    ip: ips.length > 0 ? [...new Set(ips)] : undefined,
    hosts: domain === undefined ? undefined : [domain],
  });
}
