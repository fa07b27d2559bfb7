/**
 * The loader's side of the conversation, checked where it enters: what passes `parseControl` has the type that it says.
 * The protocol is described in docs/architecture.md.
 */

/** The protocol version that this package speaks. */
export const PROTOCOL = 1;

/** Loss is counted by class of event. */
export type Counts = Record<string, number>;

export type Tier = 'lsm' | 'hook' | 'launch' | 'observe';

export interface Hello {
  msg: 'hello';
  protocol: number;
  version: string;
  kernel: string;
  tier: string;
  tier_reason: string;
  /** Tier hook on a kernel that may preempt programs: now and then a verdict is not asked for. */
  leaky: boolean;
  btf: boolean;
  boot_id: string;
  /** What this tier cannot see, one sentence each. */
  notes: string[];
}

export interface Governing {
  msg: 'governing';
  id: number;
  pids: number[];
  processes: number;
}

export interface Failure {
  msg: 'error';
  id?: number;
  code: string;
  text: string;
}

export interface Lost {
  msg: 'lost';
  class: string;
  /** How many more since the last such message. */
  count: number;
  reason: string;
}

/** A DNS answer that reached the tree, with the common fields of an event. */
export interface DnsMessage {
  msg: 'dns';
  server_ip: string;
  server_port: number;
  protocol: 'udp' | 'tcp';
  /** Bytes of the whole payload; `data` may hold fewer. */
  length: number;
  /** base64 */
  data: string;
  [field: string]: unknown;
}

/** Whose TLS connection it is, and when. */
interface TlsMessage {
  /** Names the connection for good; "0" in `tls_end`: all that the process has. */
  connection: string;
  pid: number;
  start_us: number;
  ts_us: number;
}

/** A connection is seen for the first time. */
export interface TlsBegin extends TlsMessage {
  msg: 'tls_begin';
  /** That was in the middle of it. */
  joined: boolean;
  /** Absent where the call did not tell. */
  library?: string;
}

/** Plaintext, as in {@link Chunk}, which comes behind the line: most of what the loader says in a session are such bytes. */
export interface TlsData extends TlsMessage {
  msg: 'tls_data';
  tid: number;
  comm: string;
  direction: 'in' | 'out';
  offset: number;
  more: number;
  /** How many bytes of it follow the line as they are. */
  bytes: number;
}

export interface TlsName extends TlsMessage {
  msg: 'tls_name';
  name: string;
}

interface TlsEnds extends TlsMessage {
  dest_ip?: string;
  dest_port?: number;
  local_ip?: string;
  local_port?: number;
}

export interface TlsPeer extends TlsEnds {
  msg: 'tls_peer';
}

export interface TlsEnd extends TlsMessage {
  msg: 'tls_end';
}

/** A TCP connection of the tree carries TLS, whoever makes that. In the order of events, as no other of these is. */
export interface TlsHello extends TlsEnds {
  msg: 'tls_hello';
  /** Of the process that has the connection. */
  comm: string;
}

/** A process has mapped a TLS library. */
export interface TlsLibrary {
  msg: 'tls_library';
  pid: number;
  start_us: number;
  library: string;
  path: string;
  /** What its functions were found by: `symbols`, `errors` that they report, or `pclntab`, Go's table of them. */
  found: string;
  /** Why it is not read; empty: it is. */
  error: string;
}

/** A process runs another program: what it had mapped is gone. */
export interface TlsUnmapped {
  msg: 'tls_unmapped';
  pid: number;
  start_us: number;
}

export type Tls = TlsBegin | TlsData | TlsName | TlsPeer | TlsEnd;

export interface Empty {
  msg: 'empty';
}

export interface Stopped {
  msg: 'stopped';
  id: number;
  killed: number;
  left: number;
}

export interface Stats {
  msg: 'stats';
  id: number;
  processes: number;
  emitted: Counts;
  lost: Counts;
  folds: number;
  rss_kb: number;
  map_bytes: number;
}

export interface Member {
  msg: 'member';
  id: number;
  pid: number;
  member: boolean;
}

/** What all membership tables in the kernel say, those of other loaders included. */
export interface Tables {
  msg: 'tables';
  id: number;
  pid: number;
  /** One of them has this process. */
  member: boolean;
  /** How many there are. */
  tables: number;
}

/** So many entries of a policy's table are in the kernel, or were taken out of it. */
export interface PolicyWritten {
  msg: 'policy';
  id: number;
  entries: number;
}

/** Whether what decides is pinned, and so outlives the loader. */
export interface Keeping {
  msg: 'keeping';
  id: number;
  pinned: boolean;
}

/** What loaders before this one had left in force has ended; these are its last counts. */
export interface TakenOver {
  msg: 'taken_over';
  id: number;
  /** How many loaders had left something; 0: there was nothing to take over. */
  runs: number;
  processes: number;
  /** When one of them was last there, µs since 1970. */
  since_us: number;
  /** pid of the engine of the first of them. */
  engine: number;
  /** The counts below are known: not those of another version, or where a loader has not ended. */
  counted: boolean;
  /** Records of verdicts from their beginning on, and of all else since then. */
  verdicts: number;
  others_since: number;
}

export interface Bye {
  msg: 'bye';
  emitted: Counts;
  lost: Counts;
}

export type Control =
  | Hello
  | Governing
  | Failure
  | Lost
  | DnsMessage
  | Tls
  | TlsLibrary
  | TlsUnmapped
  | TlsHello
  | Empty
  | Stopped
  | Stats
  | Member
  | Tables
  | PolicyWritten
  | Keeping
  | TakenOver
  | Bye;

type Kind = 'string' | 'number' | 'boolean' | 'strings' | 'numbers' | 'counts' | 'number?' | 'string?';

const TLS = { connection: 'string', pid: 'number', start_us: 'number', ts_us: 'number' } as const satisfies Record<
  string,
  Kind
>;

const ENDS = { dest_ip: 'string?', dest_port: 'number?', local_ip: 'string?', local_port: 'number?' } as const;

type Shape = Readonly<Record<string, Kind>>;

const SHAPES: Record<Control['msg'], Shape> = {
  hello: {
    protocol: 'number',
    version: 'string',
    kernel: 'string',
    tier: 'string',
    tier_reason: 'string',
    leaky: 'boolean',
    btf: 'boolean',
    boot_id: 'string',
    notes: 'strings',
  },
  governing: { id: 'number', pids: 'numbers', processes: 'number' },
  error: { id: 'number?', code: 'string', text: 'string' },
  lost: { class: 'string', count: 'number', reason: 'string' },
  dns: { server_ip: 'string', server_port: 'number', protocol: 'string', length: 'number', data: 'string' },
  tls_begin: { ...TLS, joined: 'boolean', library: 'string?' },
  tls_data: {
    ...TLS,
    tid: 'number',
    comm: 'string',
    direction: 'string',
    offset: 'number',
    more: 'number',
    bytes: 'number',
  },
  tls_name: { ...TLS, name: 'string' },
  tls_peer: { ...TLS, ...ENDS },
  tls_end: TLS,
  tls_hello: { ...TLS, ...ENDS, comm: 'string' },
  tls_library: {
    pid: 'number',
    start_us: 'number',
    library: 'string',
    path: 'string',
    found: 'string',
    error: 'string',
  },
  tls_unmapped: { pid: 'number', start_us: 'number' },
  empty: {},
  stopped: { id: 'number', killed: 'number', left: 'number' },
  stats: {
    id: 'number',
    processes: 'number',
    emitted: 'counts',
    lost: 'counts',
    folds: 'number',
    rss_kb: 'number',
    map_bytes: 'number',
  },
  member: { id: 'number', pid: 'number', member: 'boolean' },
  tables: { id: 'number', pid: 'number', member: 'boolean', tables: 'number' },
  policy: { id: 'number', entries: 'number' },
  keeping: { id: 'number', pinned: 'boolean' },
  taken_over: {
    id: 'number',
    runs: 'number',
    processes: 'number',
    since_us: 'number',
    engine: 'number',
    counted: 'boolean',
    verdicts: 'number',
    others_since: 'number',
  },
  bye: { emitted: 'counts', lost: 'counts' },
};

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const CHECKS: Record<Kind, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  number: isNumber,
  'number?': (value) => value === undefined || isNumber(value),
  'string?': (value) => value === undefined || typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  strings: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  numbers: (value) => Array.isArray(value) && value.every(isNumber),
  counts: (value) => isObject(value) && Object.values(value).every(isNumber),
};

/** Every control line starts with this; no event does. */
export const CONTROL_PREFIX = '{"msg":';

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const fits = (value: Record<string, unknown>, shape: Shape): boolean =>
  Object.entries(shape).every(([field, kind]) => CHECKS[kind](value[field]));

/** @returns what a line has, or undefined when it is no object with these fields. */
export function parseAs<T>(line: string, shape: Shape): T | undefined {
  const value = objectOf(line);
  return value !== undefined && fits(value, shape) ? (value as T) : undefined;
}

/** @returns the message, or undefined when the line is not one of the protocol: the loader is then not to be trusted. */
export function parseControl(line: string): Control | undefined {
  const value = objectOf(line);
  if (typeof value?.msg !== 'string' || !Object.hasOwn(SHAPES, value.msg)) return undefined;
  return fits(value, SHAPES[value.msg as Control['msg']]) ? (value as unknown as Control) : undefined;
}
