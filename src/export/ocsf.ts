// Open Cybersecurity Schema Framework 1.5 (schema.ocsf.io/1.5.0): class, activity and the objects that a class asks for;
// the whole event under `unmapped`, so that nothing is left out.
import { asciiJson } from '../ascii-json.js';
import type { AgentEvent } from '../events/index.js';
import { errnoName } from '../output/index.js';
import { type Activity, activityOf } from './ocsf-activity.js';
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

const OCSF_VERSION = '1.5.0';
const SEVERITY: Record<Weight, readonly [id: number, name: string]> = {
  info: [1, 'Informational'],
  notice: [2, 'Low'],
  warning: [3, 'Medium'],
  error: [4, 'High'],
};

/** The security_control profile: what became of the operation. */
const CONTROL: Readonly<Record<string, readonly [action: number, disposition: number]>> = {
  ALLOWED: [1, 1],
  BLOCKED: [2, 2],
  // Allowed, detected.
  WOULD_BLOCK: [1, 15],
  WOULD_HOLD: [1, 15],
  // Delayed.
  HELD: [0, 14],
};

export function toOcsf({ event, seq, time, origin }: ExportRecord): string {
  const activity = activityOf(event);
  const { classUid, activityId, activityName, className } = activity;
  const [severityId, severity] = SEVERITY[weightOf(event)];
  const [actionId, dispositionId] = CONTROL[textOf(event, 'action') ?? ''] ?? [];
  const repeated = event.event_type === 'events_lost' ? undefined : numberOf(event, 'count');
  const [statusId, status] = statusOf(event);
  const errno = numberOf(event, 'errno');
  const rule = textOf(event, 'policy_rule');
  return asciiJson(
    known({
      category_uid: Math.floor(classUid / 1000),
      class_uid: classUid,
      class_name: className,
      activity_id: activityId,
      activity_name: activityName,
      type_uid: classUid * 100 + activityId,
      time,
      severity_id: severityId,
      severity,
      status_id: statusId,
      status,
      status_code: errno === undefined ? undefined : errnoName(errno),
      status_detail: textOf(event, 'reason'),
      count: repeated,
      action_id: actionId,
      disposition_id: dispositionId,
      policy: rule === undefined ? undefined : { name: rule },
      metadata: {
        version: OCSF_VERSION,
        product: { name: 'agentgov', vendor_name: 'agentgov', version: origin.version },
        profiles: ['host', 'container', ...(actionId === undefined ? [] : ['security_control'])],
        uid: textOf(event, 'hash_self'),
        sequence: seq,
        event_code: textOf(event, 'event_type'),
        log_name: 'agentgov audit log',
        original_time: textOf(event, 'timestamp'),
        correlation_uid: textOf(event, 'session_id'),
      },
      device: { type_id: 0, name: origin.host ?? 'unknown', hostname: origin.host, uid: origin.boot_id },
      actor: actorOf(activity, event),
      container: known({ uid: textOf(event, 'container_id') }),
      ...objectsOf(activity, event),
      unmapped: event,
    }),
  );
}

function statusOf({ errno, action }: AgentEvent): readonly [id: number, name: string] {
  if (errno !== undefined || action === 'BLOCKED') return [2, 'Failure'];
  return action === 'HELD' ? [0, 'Unknown'] : [1, 'Success'];
}

/** Who did it. In a fork `pid` is the child, so the one who did it is its parent. */
function actorOf({ classUid }: Activity, event: AgentEvent): object {
  if (event.event_type === 'process_fork') return { process: known({ pid: numberOf(event, 'ppid') }) };
  return { process: processOf(event), app_name: classUid === 1008 ? 'agentgov' : undefined };
}

function processOf(event: AgentEvent): object | undefined {
  const exe = textOf(event, 'exe');
  const argv = listOf(event, 'argv');
  const [pid, parent, start] = [numberOf(event, 'pid'), numberOf(event, 'ppid'), numberOf(event, 'start_us')];
  const uid = numberOf(event, 'uid');
  const gid = numberOf(event, 'gid');
  return known({
    pid,
    // A pid is used again; with its start, in this boot, it is not.
    uid: start === undefined ? undefined : `${pid}-${start}`,
    tid: numberOf(event, 'tid'),
    name: textOf(event, 'comm'),
    cmd_line: argv && commandLine(argv),
    file: exe === undefined ? undefined : fileOf(exe, 1),
    parent_process: parent === undefined ? undefined : { pid: parent },
    user:
      uid === undefined
        ? undefined
        : { uid: String(uid), groups: gid === undefined ? undefined : [{ uid: String(gid) }] },
    working_directory: textOf(event, 'cwd'),
  });
}

const fileOf = (path: string, typeId = 0): object => ({ path, name: baseOf(path), type_id: typeId });

/** What it was done to, as its class wants it. */
function objectsOf({ classUid }: Activity, event: AgentEvent): Record<string, unknown> {
  switch (classUid) {
    case 1001:
      return filesOf(event);
    case 1003: {
      const name = textOf(event, 'syscall') ?? textOf(event, 'event_type');
      return { kernel: { name, type_id: 2, system_call: name } };
    }
    case 1007:
      return { process: targetOf(event), exit_code: numberOf(event, 'exit_code') };
    case 1008:
      return { log_name: 'agentgov audit log', log_provider: 'agentgov', log_type_id: 2 };
    case 4001:
    case 4003:
      return networkOf(event);
    default:
      return {};
  }
}

function filesOf(event: AgentEvent): Record<string, unknown> {
  const [path, to] = [textOf(event, 'path'), textOf(event, 'path_to')];
  return {
    file: fileOf(path ?? to ?? ''),
    file_result: path !== undefined && to !== undefined ? fileOf(to) : undefined,
  };
}

/** The process that it was done to, where that is another one. */
function targetOf(event: AgentEvent): object | undefined {
  const target = numberOf(event, 'target_pid');
  if (target === undefined) return processOf(event);
  return target > 0 ? { pid: target } : { name: target < -1 ? `process group ${-target}` : 'several processes' };
}

function networkOf(event: AgentEvent): Record<string, unknown> {
  const isDns = event.event_type === 'dns_answer';
  const ip = textOf(event, isDns ? 'server_ip' : 'dest_ip');
  const local = textOf(event, 'local_ip');
  const port = numberOf(event, isDns ? 'server_port' : 'dest_port');
  const isOutbound = !/bind|listen/.test(String(event.event_type));
  const protocol = textOf(event, 'protocol');
  const [received, sent] = [numberOf(event, 'bytes_in'), numberOf(event, 'bytes_out')];
  return {
    src_endpoint:
      known({ ip: local, port: numberOf(event, 'local_port') }) ??
      (isOutbound ? undefined : { name: textOf(event, 'path') }),
    dst_endpoint: isOutbound
      ? (known({ ip, port, hostname: isDns ? undefined : textOf(event, 'dest_domain') }) ?? {
          name: textOf(event, 'path'),
        })
      : undefined,
    connection_info: {
      direction_id: isOutbound ? 2 : 1,
      direction: isOutbound ? 'Outbound' : 'Inbound',
      protocol_name: protocol,
      protocol_num: PROTOCOL_NUMBERS[protocol ?? ''],
      protocol_ver_id: ip === undefined ? undefined : ip.includes(':') ? 6 : 4,
    },
    traffic: known({ bytes_in: received, bytes_out: sent }),
    ...(isDns ? dnsOf(event) : {}),
  };
}

/** IANA's numbers. */
const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 };

/** RFC 6895, as OCSF's `rcode_id` counts them; 99 for all others. */
const RCODES: Readonly<Record<string, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
};

function dnsOf(event: AgentEvent): Record<string, unknown> {
  const rcode = textOf(event, 'rcode');
  return {
    query: known({ hostname: textOf(event, 'dest_domain'), type: textOf(event, 'query_type') }),
    answers: listOf(event, 'answers')?.map((answer) => {
      const [type = '', rdata = ''] = answer.split(/ (.*)/s);
      return { type, rdata };
    }),
    rcode,
    rcode_id: rcode === undefined ? undefined : (RCODES[rcode] ?? 99),
  };
}
