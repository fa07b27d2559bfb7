import type { AgentEvent } from '../events/index.js';
import type { Basis, Cause } from './basis.js';
import { type Asked, type Call, callOf, squeeze } from './call.js';
import type { Origins } from './origins.js';
import { baseInLine, namedBy, spelledBase } from './paths.js';
import { type Request, ready, requestBasis } from './request.js';

/** Tool calls that may still explain something, the newest; and for how long, in µs. */
const CALLS_MAX = 256;
const CALL_US = 600_000_000;
/** Processes that a tool call explains, and connections that wait for what explains them: the newest. */
const PROCESSES_MAX = 16_384;
const WAITING_MAX = 4096;
/** Shorter texts are in too many command lines to explain one. */
const TEXT_MIN = 8;

/** What changes a file; an open does where it is not for reading alone. */
const CHANGES = new Set<unknown>([
  'file_create',
  'file_delete',
  'file_rename',
  'file_link',
  'file_truncate',
  'file_attr',
]);
/** Devices and the kernel's own files are no work on files. */
const NO_FILE = /^\/(?:dev|proc)\//;

/** Of what explains a request, the best first. */
const STRONGEST: readonly Basis[] = ['body', 'url', 'values'];

const isChange = ({ event_type, access, path }: AgentEvent): boolean =>
  (CHANGES.has(event_type) || (event_type === 'file_open' && access !== 'read')) && !NO_FILE.test(String(path));

const processOf = (pid: unknown, startUs: unknown): string => `${pid} ${startUs}`;

/**
 * Joins what a tree does to the tool call that explains it: the one whose arguments hold the command, the address, the
 * path or the request, or that explained the process or its parent. The newest counts.
 */
export class Joiner {
  /** Things that could have been explained, and were not, since the first tool call. */
  unmatched = 0;
  readonly #calls: Call[] = [];
  /** Calls that a request was sent for. */
  readonly #sent = new Set<number>();
  /** Last names of the paths in their arguments, as lines spell them. */
  #bases: ReadonlySet<string> = new Set();
  /** Which call explains a process; by identity, and by pid for its children. */
  readonly #processes = new Map<string, number>();
  /** Connections that nothing explains so far, by process and own port. */
  readonly #waiting = new Map<string, true>();
  /** TLS connections that a request explains and of which the own port is not known yet: their process. */
  readonly #carried = new Map<string, string>();

  /** `origins`: where the words of contents came from. */
  constructor(readonly origins: Origins) {}

  /** A tool call has its place in the log. */
  tool(asked: Asked): void {
    this.#calls.unshift(callOf(asked));
    if (this.#calls.length > CALLS_MAX) this.#sent.delete(this.#calls.pop()?.seq ?? 0);
    this.#bases = new Set(this.#calls.flatMap(({ paths }) => paths.map(spelledBase)));
  }

  /** Whether `explained` may have something to say about the event in this line of the loader. */
  concerns(line: string): boolean {
    if (this.#calls.length === 0) return false;
    if (line.includes('"event_type": "process_fork"')) return true;
    if (!line.includes('"event_type": "file_')) return false;
    if (!line.includes('"event_type": "file_open"') || !line.includes('"access": "read"')) return true;
    return this.#bases.has(baseInLine(line) ?? '');
  }

  /** The event with the `seq` of the tool call that explains it, or marked where none does. */
  explained(event: AgentEvent): AgentEvent {
    if (this.#calls.length === 0) return event;
    switch (event.event_type) {
      case 'process_exec':
        return this.#exec(event);
      case 'process_fork':
        return this.#fork(event);
      case 'network_connect':
        return this.#connect(event);
      default:
        return String(event.event_type).startsWith('file_') ? this.#file(event) : event;
    }
  }

  /** The call that a request was sent for. The oldest that none was sent for yet: calls are answered in their order. */
  request(request: Request): Cause | undefined {
    const recent = this.#recent(request.tsUs);
    if (recent.length === 0) return undefined;
    const readied = ready(request);
    const found = recent.flatMap((call) => {
      const basis = requestBasis(call, readied);
      return basis === undefined ? [] : [{ call, basis }];
    });
    const best = found.filter(({ basis }) => basis === STRONGEST.find((one) => found.some((of) => of.basis === one)));
    const chosen = best.findLast(({ call }) => !this.#sent.has(call.seq)) ?? best[0];
    if (chosen === undefined) return undefined;
    this.#sent.add(chosen.call.seq);
    const { connection, localPort } = request;
    keep(this.#carried, connection, processOf(request.pid, request.startUs), WAITING_MAX);
    this.peer({ connection, ...(localPort !== undefined && { local_port: localPort }) });
    return { cause_seq: chosen.call.seq, cause_by: chosen.basis };
  }

  /** The own port of a TLS connection is known: what went over it may explain that it was made. */
  peer({ connection, local_port }: { connection: string; local_port?: number }): void {
    const process = this.#carried.get(connection);
    if (process === undefined || local_port === undefined) return;
    this.#carried.delete(connection);
    if (this.#waiting.delete(`${process} ${local_port}`)) this.unmatched -= 1;
  }

  #exec(event: AgentEvent): AgentEvent {
    const inherited = this.#processes.get(processOf(event.pid, event.start_us)) ?? this.#processes.get(`${event.ppid}`);
    const named = Array.isArray(event.argv) ? this.#byPath(event.argv, event) : undefined;
    const cause = this.#byCommand(event) ?? named ?? because(inherited, 'process');
    // The number may have been another process's.
    this.#processes.delete(`${event.pid}`);
    if (cause !== undefined) this.#remember(event, cause.cause_seq);
    return this.#told(event, cause);
  }

  /** A child that runs no other program goes on with what its parent was asked for. */
  #fork(event: AgentEvent): AgentEvent {
    const seq = this.#processes.get(`${event.ppid}`);
    this.#processes.delete(`${event.pid}`);
    if (seq !== undefined) this.#remember(event, seq);
    return event;
  }

  #connect(event: AgentEvent): AgentEvent {
    const cause = this.#byAddress(event) ?? this.#byProcess(event);
    if (cause === undefined && event.local_port !== undefined) {
      const key = `${processOf(event.pid, event.start_us)} ${event.local_port}`;
      keep(this.#waiting, key, true, WAITING_MAX);
    }
    const told = this.#told(event, cause);
    if (cause !== undefined) return told;
    // What is said here stands in the event anyway.
    const { words } = this.origins.trace([event.dest_domain, event.dest_ip].join(' '));
    return words.length === 0 ? told : { ...told, words_from: words.map(({ word, seq }) => `${word} ${seq}`) };
  }

  /** Reading a file that no call names is not judged: whatever runs reads its libraries. */
  #file(event: AgentEvent): AgentEvent {
    const paths = [event.path, event.path_to].filter((path) => typeof path === 'string');
    const cause = this.#byPath(paths, event);
    if (cause === undefined && !isChange(event)) return event;
    return this.#told(event, cause ?? this.#byProcess(event));
  }

  #told(event: AgentEvent, cause: Cause | undefined): AgentEvent {
    if (cause !== undefined) return { ...event, ...cause };
    this.unmatched += 1;
    return { ...event, intent: 'unmatched' };
  }

  #recent(tsUs: unknown): Call[] {
    // Not what was asked for after it.
    return this.#calls.filter((call) => call.tsUs <= Number(tsUs) && Number(tsUs) - call.tsUs <= CALL_US);
  }

  #byProcess({ pid, start_us }: AgentEvent): Cause | undefined {
    return because(this.#processes.get(processOf(pid, start_us)), 'process');
  }

  #byCommand({ argv, ts_us }: AgentEvent): Cause | undefined {
    if (!Array.isArray(argv)) return undefined;
    const line = squeeze(argv.join(' '));
    // sh -c COMMAND, node -e COMMAND: the last argument is the text that was asked for, and not the name of a file.
    const last = squeeze(argv.at(-1) ?? '');
    const isText = last.includes(' ') || /^-\w*[ce]$/.test(argv.at(-2) ?? '');
    const isOf = (text: string) =>
      text === line ||
      (text === last && isText) ||
      (line.length >= TEXT_MIN && text.includes(line)) ||
      // A shell is given more than the command: where to go first, what to print at the end.
      (text.length >= TEXT_MIN && text.includes(' ') && last.includes(text));
    return because(this.#recent(ts_us).find(({ texts }) => texts.some(isOf))?.seq, 'command');
  }

  #byAddress({ dest_domain, dest_ip, ts_us }: AgentEvent): Cause | undefined {
    const names = [dest_domain, dest_ip].filter((name) => typeof name === 'string').map((name) => name.toLowerCase());
    const call = this.#recent(ts_us).find(({ words }) => names.some((name) => words.has(name)));
    return because(call?.seq, 'address');
  }

  #byPath(paths: readonly string[], { ts_us }: AgentEvent): Cause | undefined {
    let weaker: Cause | undefined;
    for (const { seq, paths: named } of this.#recent(ts_us)) {
      const bases = paths.map((name) => namedBy(name, named));
      if (bases.includes('path')) return because(seq, 'path');
      if (bases.includes('name')) weaker ??= because(seq, 'name');
    }
    return weaker;
  }

  #remember(event: AgentEvent, seq: number): void {
    for (const key of [processOf(event.pid, event.start_us), `${event.pid}`])
      keep(this.#processes, key, seq, 2 * PROCESSES_MAX);
  }
}

const because = (seq: number | undefined, by: Basis): Cause | undefined =>
  seq === undefined ? undefined : { cause_seq: seq, cause_by: by };

/** The oldest is forgotten where there are too many. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value as string);
}
