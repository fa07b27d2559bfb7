// ArcSight Common Event Format, revision 0 (CEF:0). Its dictionary names what other products know as well; everything
// else follows under names of our own, so that nothing of the event is left out.

import { EVENT_TYPES, type EventType } from '../events/index.js';
import { errnoName } from '../output/index.js';
import { commandLine, type ExportRecord, listOf, numberOf, textOf, type Weight, weightOf } from './record.js';

/** 0 to 10: low up to 3, medium up to 6, high up to 8. */
const SEVERITY: Record<Weight, number> = { info: 1, notice: 3, warning: 5, error: 8 };

export function toCef({ event, seq, time, origin }: ExportRecord): string {
  const type = textOf(event, 'event_type') ?? '';
  const name = Object.hasOwn(EVENT_TYPES, type) ? EVENT_TYPES[type as EventType] : type;
  const header = ['CEF:0', 'agentgov', 'agentgov', origin.version, type, name, String(SEVERITY[weightOf(event)])];
  const members = extension({ event, seq, time, origin }).map(([key, value]) => `${key}=${inExtension(String(value))}`);
  return `${header.map(inHeader).join('|')}|${members.join(' ')}`;
}

type Member = readonly [key: string, value: string | number | boolean];

/** Fields that have a name in the dictionary; those that are the same on every event come first. */
const DICTIONARY: Readonly<Record<string, string>> = {
  action: 'act',
  pid: 'spid',
  exe: 'sproc',
  uid: 'suid',
  path: 'filePath',
  dest_port: 'dpt',
  dest_domain: 'dhost',
  local_port: 'spt',
  protocol: 'proto',
  bytes_in: 'in',
  bytes_out: 'out',
  reason: 'reason',
  target_pid: 'dpid',
};

/** Custom strings: each comes with a label that says what it is. */
const STRINGS: ReadonlyArray<readonly [field: string, key: string]> = [
  ['agent_id', 'cs1'],
  ['hash_self', 'cs2'],
  ['session_id', 'cs3'],
  ['policy_rule', 'cs4'],
  ['comm', 'cs5'],
  ['argv', 'cs6'],
];

const SPOKEN_FOR = new Set([
  ...Object.keys(DICTIONARY),
  ...STRINGS.map(([field]) => field),
  ...['timestamp', 'event_type', 'seq', 'dest_ip', 'local_ip'],
]);

function extension({ event, seq, time, origin }: ExportRecord): Member[] {
  const members: Member[] = [
    ['rt', time],
    ['externalId', seq],
  ];
  if (origin.host !== undefined) members.push(['dvchost', origin.host]);
  const errno = numberOf(event, 'errno');
  if (errno !== undefined) members.push(['outcome', errnoName(errno)]);
  for (const [field, key] of Object.entries(DICTIONARY)) push(members, key, event[field]);
  address(members, textOf(event, 'local_ip'), 'src', 'c6a2', 'Source IPv6 Address');
  address(members, textOf(event, 'dest_ip'), 'dst', 'c6a3', 'Destination IPv6 Address');
  for (const [field, key] of STRINGS) {
    const value = field === 'argv' ? argvOf(listOf(event, 'argv')) : textOf(event, field);
    if (value !== undefined) members.push([key, value], [`${key}Label`, field]);
  }
  for (const [field, value] of Object.entries(event)) if (!SPOKEN_FOR.has(field)) push(members, ownKey(field), value);
  return members;
}

const argvOf = (argv: string[] | undefined): string | undefined => argv && commandLine(argv);

function push(members: Member[], key: string, value: string | number | boolean | string[] | undefined): void {
  if (value !== undefined) members.push([key, Array.isArray(value) ? JSON.stringify(value) : value]);
}

/** `src` and `dst` are IPv4; IPv6 has custom fields. */
function address(members: Member[], ip: string | undefined, key: string, key6: string, label: string): void {
  if (ip === undefined) return;
  if (ip.includes(':')) members.push([key6, ip], [`${key6}Label`, label]);
  else members.push([key, ip]);
}

/** `agentgovHashPrev` for `hash_prev`: keys are letters and digits alone, and begin with none of the dictionary. */
function ownKey(field: string): string {
  const words = field.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return `agentgov${words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')}`;
}

/** What a receiver may take for the end of a line, or not show: written as the JSON of our log writes it. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/gu;
const escaped = (unit: string): string => `\\\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** In the header `|` and `\` have a `\` before them, and there is no way to write a line end. */
const inHeader = (text: string): string => text.replace(/[\\|]/g, '\\$&').replace(CONTROL, escaped);

/** In the extension `=` and `\` have a `\` before them, and line ends are `\n` and `\r`; `|` is a character like any. */
const inExtension = (text: string): string =>
  text.replace(/[\\=]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replace(CONTROL, escaped);
