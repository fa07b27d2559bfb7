import type { TlsHello, TlsLibrary, TlsUnmapped } from '../bpf/index.js';
import type { AgentEvent, EventDraft } from '../events/index.js';
import type { Chunk, ConnectionEnd, Peer } from '../tls/index.js';
import { whyBlind } from './why-blind.js';

/** Ports where a connection is taken for TLS whatever it says. */
const TLS_PORTS = new Set<unknown>([443, 8443]);

/** Bytes of a connection that are no plaintext: certificates, a handshake, its end. */
const HANDSHAKE = 32_768;
/** A record of 16 KB grows by 22 bytes, one of a few bytes to some times its size. */
const FRAMES = 0.25;

/** Processes that are followed at once; the oldest is told about and forgotten. */
const PROCESSES = 4096;
const PLACES = 65_536;
/** How long a connection may be open before its process is told about, if none has been closed. */
const PATIENCE_MS = 10_000;

export interface CoverageOptions {
  agentId: string;
  record: (event: EventDraft) => void;
  /** End of the sentence why nothing was read of a process. */
  look?: typeof whyBlind;
  patienceMs?: number;
}

interface Process {
  pid: number;
  start_us: number;
  /** comm, exe, uid and the like, as the last event of it had them. */
  who: Partial<EventDraft>;
  libraries: Map<string, Pick<TlsLibrary, 'path' | 'found'>>;
  errors: Set<string>;
  /** Connections that count for TLS, and those of them that are over: only then their bytes are known. */
  opened: number;
  closed: number;
  /** Connections that were read from their middle. */
  joined: number;
  plainIn: number;
  plainOut: number;
  cipherIn: number;
  cipherOut: number;
  /** What was told last. */
  told: string;
  timer?: NodeJS.Timeout;
}

type Ends = Partial<Record<'local_ip' | 'local_port' | 'dest_ip' | 'dest_port' | 'protocol', unknown>>;

type Verdict = 'read' | 'partial' | 'blind';

/**
 * Plaintext that was read against ciphertext on the sockets, by process: `tls_coverage`. Told at the first end of a TLS
 * connection, or when one has been open for a while, and at the end of the session if more has come.
 */
export class TlsCoverage {
  readonly #processes = new Map<string, Process>();
  /** Where TLS was seen to go, whatever the port. */
  readonly #places = new Set<string>();
  /** Connections that are not TLS, or whose beginning was not seen, and whether their process was charged with that. */
  readonly #special = new Map<string, 'plain' | 'joined' | 'charged'>();
  /** Sockets that say by themselves that they carry TLS, and whose connect did not count for it. */
  readonly #hellos = new Set<string>();

  constructor(private readonly options: CoverageOptions) {}

  chunk({ pid, start_us, comm, connection, direction, bytes }: Chunk): void {
    const special = this.#special.get(connection);
    if (special === 'plain') return;
    const process = this.#of(pid, start_us);
    if (special === 'joined') {
      this.#special.set(connection, 'charged');
      process.joined += 1;
    }
    process.who.comm ??= comm;
    if (direction === 'in') process.plainIn += bytes.length;
    else process.plainOut += bytes.length;
  }

  peer({ connection, dest_ip, dest_port, joined, library }: Peer): void {
    const special = library === 'plain' ? 'plain' : joined ? 'joined' : undefined;
    if (special !== undefined && !this.#special.has(connection)) {
      this.#special.set(connection, special);
      if (this.#special.size > PLACES) this.#special.delete(this.#special.keys().next().value as string);
    }
    if (library === 'plain') return;
    if (dest_ip !== undefined && this.#places.size < PLACES) this.#places.add(`${dest_ip} ${dest_port}`);
  }

  end({ connection }: Pick<ConnectionEnd, 'connection'>): void {
    this.#special.delete(connection);
  }

  /** A socket of a process carries TLS, read or not. */
  hello(hello: TlsHello): void {
    if (this.#isTls(hello) || this.#hellos.size >= PLACES) return;
    this.#hellos.add(socketOf(hello));
    const process = this.#of(hello.pid, hello.start_us);
    process.who.comm ??= hello.comm;
    this.#opened(process);
  }

  library({ pid, start_us, library, path, found, error }: TlsLibrary): void {
    const process = this.#of(pid, start_us);
    if (error === '') process.libraries.set(library, { path, found });
    else {
      process.libraries.delete(library);
      process.errors.add(`${library} could not be probed (${error})`);
    }
  }

  /** What its program before had mapped explains nothing any more, unless something was read by it or told of it. */
  unmapped({ pid, start_us }: TlsUnmapped): void {
    const process = this.#processes.get(`${pid} ${start_us}`);
    if (process === undefined || process.plainIn + process.plainOut > 0 || process.told !== '') return;
    process.libraries.clear();
    process.errors.clear();
  }

  /** Any event of the log; those of connections count. */
  event(event: AgentEvent): void {
    const { event_type, pid, start_us } = event;
    if (event_type !== 'network_connect' && event_type !== 'network_close') return;
    if (typeof pid !== 'number' || typeof start_us !== 'number') return;
    const saidSo = event_type === 'network_close' && this.#hellos.delete(socketOf(event));
    if (!saidSo && !this.#isTls(event)) return;
    const process = this.#of(pid, start_us);
    for (const field of WHO) if (event[field] !== undefined) Object.assign(process.who, { [field]: event[field] });
    if (event_type === 'network_connect') {
      this.#opened(process);
      return;
    }
    process.closed += 1;
    process.cipherIn += Number(event.bytes_in ?? 0);
    process.cipherOut += Number(event.bytes_out ?? 0);
    this.#tell(process, true);
  }

  /** Tells what has not been told yet. */
  finish(): void {
    for (const process of this.#processes.values()) {
      clearTimeout(process.timer);
      this.#tell(process, false);
    }
    this.#processes.clear();
  }

  #opened(process: Process): void {
    process.opened += 1;
    process.timer ??= setTimeout(() => this.#tell(process, true), this.options.patienceMs ?? PATIENCE_MS).unref();
  }

  #isTls({ protocol, dest_ip, dest_port }: Ends): boolean {
    if (protocol !== undefined && protocol !== 'tcp') return false;
    return TLS_PORTS.has(dest_port) || this.#places.has(`${dest_ip} ${dest_port}`);
  }

  #of(pid: number, start_us: number): Process {
    const key = `${pid} ${start_us}`;
    const there = this.#processes.get(key);
    if (there !== undefined) return there;
    const counts = { opened: 0, closed: 0, joined: 0, plainIn: 0, plainOut: 0, cipherIn: 0, cipherOut: 0 };
    const process: Process = { pid, start_us, who: {}, libraries: new Map(), errors: new Set(), ...counts, told: '' };
    this.#processes.set(key, process);
    const [oldest] = this.#processes;
    if (this.#processes.size > PROCESSES && oldest !== undefined) {
      this.#tell(oldest[1], false);
      this.#processes.delete(oldest[0]);
    }
    return process;
  }

  #tell(process: Process, onlyFirst: boolean): void {
    if (process.opened + process.closed === 0 && process.plainIn + process.plainOut === 0) return;
    const now = JSON.stringify({ ...process, timer: undefined, told: undefined, libraries: process.libraries.size });
    if (process.told === now || (onlyFirst && process.told !== '')) return;
    process.told = now;
    clearTimeout(process.timer);
    this.options.record(this.#draft(process));
  }

  #draft(process: Process): EventDraft {
    const { pid, start_us, who, libraries, errors } = process;
    const verdict = verdictOf(process);
    const why: string[] = [...errors];
    if (verdict === 'blind' && libraries.size + errors.size === 0)
      why.push((this.options.look ?? whyBlind)(pid, who.exe));
    if (verdict === 'blind' && libraries.size > 0) why.push('its library was not used for these connections');
    if (verdict === 'partial' && process.joined > 0)
      why.push('what went before on connections that were read from their middle is missing');
    if (verdict === 'partial' && isMore(process))
      why.push('more bytes were on its sockets than its plaintext comes to');
    const event: EventDraft = {
      ...who,
      event_type: 'tls_coverage',
      action: 'OBSERVED',
      agent_id: this.options.agentId,
      pid,
      start_us,
      timestamp: new Date().toISOString(),
      coverage: verdict,
      tls_connections: Math.max(process.opened, process.closed),
      plaintext_in: process.plainIn,
      plaintext_out: process.plainOut,
    };
    if (process.joined > 0) event.tls_joined = process.joined;
    if (process.closed > 0)
      Object.assign(event, { ciphertext_in: process.cipherIn, ciphertext_out: process.cipherOut });
    if (libraries.size > 0) {
      event.tls_libraries = [...libraries.keys()];
      event.library_paths = [...libraries.values()].map(({ path }) => path);
      event.libraries_found_by = [...libraries.values()].map(({ found }) => found);
    }
    if (why.length > 0) event.reason = why.join('; ');
    return event;
  }
}

const socketOf = ({ local_ip, local_port, dest_ip, dest_port }: Ends): string =>
  `${local_ip} ${local_port} ${dest_ip} ${dest_port}`;

/** What a process is known by, as its events have it. */
const WHO = ['comm', 'exe', 'ppid', 'uid', 'gid', 'pid_inner'] as const;

/** The sockets carried more than the plaintext that was read comes to. */
function isMore({ plainIn, plainOut, cipherIn, cipherOut, closed }: Process): boolean {
  const plain = plainIn + plainOut;
  return cipherIn + cipherOut - plain > closed * HANDSHAKE + plain * FRAMES;
}

/** Connections that are still open have their ciphertext told by nobody: then plaintext alone says that it is read. */
function verdictOf(process: Process): Verdict {
  const { plainIn, plainOut, closed, joined, libraries, errors } = process;
  if (libraries.size === 0 && errors.size > 0) return 'blind'; // whatever came of it before it failed
  if (plainIn + plainOut > 0) return joined > 0 || isMore(process) ? 'partial' : 'read';
  return libraries.size > 0 && closed > 0 && !isMore(process) ? 'read' : 'blind';
}
