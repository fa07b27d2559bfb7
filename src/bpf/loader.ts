import { spawn } from 'node:child_process';
import { deferred } from '../deferred.js';
import { AgentgovError, EXIT } from '../errors.js';
import { VERSION } from '../package.js';
import { type ChildEnd, childEnd, notStarted } from './child.js';
import { LineSplitter, MAX_LINE } from './lines.js';
import {
  type Bye,
  CONTROL_PREFIX,
  type Control,
  type DnsMessage,
  type Empty,
  type Failure,
  type Governing,
  type Hello,
  type Keeping,
  type Lost,
  type Member,
  type PolicyWritten,
  PROTOCOL,
  parseControl,
  type Stats,
  type Stopped,
  type Tables,
  type TakenOver,
  type Tls,
  type TlsData,
  type TlsHello,
  type TlsLibrary,
  type TlsUnmapped,
} from './protocol.js';
import { TlsReader, type TlsSink } from './tls.js';

/** Messages that answer no command. */
export type Notice = Lost | DnsMessage | TlsLibrary | TlsUnmapped | TlsHello | Empty | Failure;

export interface LoaderOptions {
  /** The binary, from findLoader(). */
  path: string;
  agentId: string;
  tier?: 'auto' | 'lsm' | 'hook' | 'observe';
  /** Sizes of the kernel's rings in bytes; the loader's own defaults otherwise. */
  ringBulk?: number;
  ringCritical?: number;
  ringTls?: number;
  /** Takes the plaintext of the tree's TLS connections; nothing of that is in the kernel without it. */
  tls?: TlsSink;
  /** Load what decides as well: a policy can then be written, before or while somebody is governed. */
  enforce?: boolean;
  /** One event line, canonical but for its three placeholders, without LF. Called for each, in order. */
  onEvent: (line: string) => void;
  onNotice: (notice: Notice) => void;
  /** After each batch of lines: the place to look at one's own backlog and to pause(). */
  onBatch?: () => void;
  /** How long the loader may take for its hello and for an answer, in ms. Loading programs is slow under emulation. */
  patience?: number;
}

/** How the loader ended: it said goodbye, or what went wrong instead, as the end of a sentence about it. */
export type LoaderOutcome = { kind: 'bye'; bye: Bye } | { kind: 'died'; how: string };

/** A command that the loader answered with an error. */
export class LoaderRefusal extends Error {
  constructor(readonly failure: Failure) {
    super(failure.text);
  }
}

/** The loader ended while a command waited for its answer; `Loader.ended` says how. */
export class LoaderGone extends Error {}

type Answer = Governing | Stopped | Stats | Member | Tables | PolicyWritten | Keeping | TakenOver;
const ANSWERS = new Set<Control['msg']>([
  'governing',
  'stopped',
  'stats',
  'member',
  'tables',
  'policy',
  'keeping',
  'taken_over',
]);
/** Bytes of a table in one command: in base64 it stays under the loader's longest line. */
const TABLE_BYTES = 45_000;
const STDERR_KEPT = 4096;

const TLS = new Set<Control['msg']>(['tls_begin', 'tls_data', 'tls_name', 'tls_peer', 'tls_end']);
const isTls = (message: Control): message is Tls => TLS.has(message.msg);

interface Waiting {
  expect: Answer['msg'];
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Entries of a table of the policy (bpf/include/policy.h), each a key and its value in `size` bytes, one after the other. */
interface PolicyTable {
  readonly name: string;
  readonly size: number;
  readonly bytes: Buffer;
}

/** A file by its absolute path. */
export interface GuardedFile {
  /** A log is with what its writer keeps beside it; a secret may not be read either. */
  readonly kind: 'log' | 'file' | 'secret';
  readonly path: string;
}

/** As bpf/loader/guards.h has it. */
const listOf = (files: readonly GuardedFile[]): string =>
  Buffer.from(files.map(({ kind, path }) => `${kind[0]}${path}\0`).join('')).toString('base64');

/** A running loader whose hello has been checked. */
export interface Loader {
  readonly hello: Hello;
  readonly pid: number;
  /** Resolves once the loader is gone and its last line has been handed over. */
  readonly ended: Promise<LoaderOutcome>;
  /** From the answer on every member of the trees of these pids is seen. @throws LoaderRefusal, LoaderGone */
  govern(pids: number[]): Promise<Governing>;
  /** Freezes the tree and kills all of it. @throws LoaderRefusal, LoaderGone */
  stop(): Promise<Stopped>;
  stats(): Promise<Stats>;
  /** Whether a live process is in the governed tree, by the kernel's own table. */
  member(pid: number): Promise<boolean>;
  /** Whether any loader of this machine has a live process in its tree. @throws LoaderRefusal when that cannot be told */
  tables(pid: number): Promise<Tables>;
  /** Writes entries into a table of the policy. @throws LoaderRefusal, LoaderGone */
  policy(table: PolicyTable): Promise<void>;
  /** Makes room beside the policy in force: its other half is empty then, and nobody asks it. @throws LoaderRefusal, LoaderGone */
  clear(): Promise<void>;
  /** Puts the policy with that head in force between two system calls. @throws LoaderRefusal, LoaderGone */
  swap(head: number): Promise<void>;
  /** Everything that the policy is asked about is denied from now on, whatever it says. @throws LoaderRefusal, LoaderGone */
  block(): Promise<void>;
  /** The contrary. */
  unblock(): Promise<void>;
  /** Pins what decides and who is a member, so that it outlives the loader. @throws LoaderRefusal, LoaderGone */
  keep(): Promise<void>;
  /** The contrary. */
  release(): Promise<void>;
  /**
   * Ends what other loaders have left in force over this agent. `govern` has made their members its own, so nobody is
   * without a policy meanwhile. @throws LoaderRefusal, LoaderGone
   */
  takeOver(): Promise<TakenOver>;
  /** Files of this session that no governed tree of the machine may change. @throws LoaderRefusal, LoaderGone */
  guard(files: readonly GuardedFile[]): Promise<void>;
  /** Their counts have been written down. @throws LoaderRefusal, LoaderGone */
  forget(): Promise<void>;
  /** Drain, end; what is pinned holds on. Without pins it is a `quit`. */
  leave(): Promise<LoaderOutcome>;
  /** Detach, drain, end. A loader that does not manage it in time is killed, and `ended` says so. */
  quit(): Promise<LoaderOutcome>;
  /** Stop reading: the kernel's rings fill, and count what they cannot hold. */
  pause(): void;
  resume(): void;
}

/**
 * Starts the loader and waits for its hello.
 * @throws AgentgovError exit 3 when the kernel or a privilege does not allow it (the loader's own sentence), exit 4 when
 *   it is of another version, or does not start.
 */
export function startLoader(options: LoaderOptions): Promise<Loader> {
  const patience = options.patience ?? 60_000;
  // Linux 7.3 needs 43 s of CPU to check what enforces where it is emulated (test/vm).
  const startPatience = options.patience ?? 180_000;
  const args = ['run', '--agent-id', options.agentId];
  if (options.tier !== undefined) args.push('--tier', options.tier);
  if (options.ringBulk !== undefined) args.push('--ring-bulk', String(options.ringBulk));
  if (options.ringCritical !== undefined) args.push('--ring-critical', String(options.ringCritical));
  if (options.tls !== undefined) args.push('--capture-tls');
  if (options.ringTls !== undefined) args.push('--ring-tls', String(options.ringTls));
  if (options.enforce === true) args.push('--enforce');
  const child = spawn(options.path, args, {
    // The terminal's Ctrl-C is for agentgov, which then ends the loader in order; the loader's own life line is stdin.
    detached: true,
    env: { PATH: process.env.PATH ?? '' },
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) return notStarted(child, options.path);

  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let hello: Hello | undefined;
  let bye: Bye | undefined;
  let firstFailure: Failure | undefined;
  let broken: string | undefined;
  let complaint = '';
  let over = false;

  const greeting = deferred<Hello>();

  // A loader that breaks the protocol cannot be believed in anything, its counts of loss included.
  const breakOff = (how: string): void => {
    broken ??= how;
    child.kill('SIGKILL');
  };

  const tls = options.tls === undefined ? undefined : new TlsReader(options.tls);

  const onControl = (message: Control): void => {
    if (message.msg === 'hello') {
      hello = message;
      greeting.resolve(message);
    } else if (message.msg === 'bye') {
      bye = message;
    } else if (ANSWERS.has(message.msg) || (message.msg === 'error' && message.id !== undefined)) {
      const answer = message as Answer | (Failure & { id: number });
      const asked = waiting.get(answer.id);
      if (asked === undefined) return;
      waiting.delete(answer.id);
      clearTimeout(asked.timer);
      if (answer.msg === 'error') asked.reject(new LoaderRefusal(answer));
      else if (answer.msg === asked.expect) asked.resolve(answer);
      else breakOff(`answered ${asked.expect} with ${answer.msg}`);
    } else if (message.msg === 'error') {
      firstFailure ??= message;
      options.onNotice(message);
    } else if (tls !== undefined && isTls(message)) {
      if (message.msg !== 'tls_data') tls.read(message);
      else if (message.bytes > 0 && message.bytes <= MAX_LINE) announced = message;
      else breakOff('announced no bytes, or too many');
    } else {
      options.onNotice(message as Notice);
    }
  };

  /** The bytes of this one come next. */
  let announced: TlsData | undefined;

  const onLine = (line: string): number | undefined => {
    if (broken !== undefined) return undefined;
    // Keys of an event are sorted: `access` or `action` is the first.
    if (line.startsWith('{"ac')) {
      if (hello === undefined) breakOff('sent an event before its hello');
      else options.onEvent(line);
      return undefined;
    }
    const message = line.startsWith(CONTROL_PREFIX) ? parseControl(line) : undefined;
    if (message === undefined) breakOff('wrote a line that is not of its protocol');
    else onControl(message);
    return announced?.bytes;
  };

  const onBytes = (bytes: Buffer, left: number): void => {
    const message = announced;
    if (left === 0) announced = undefined;
    if (broken === undefined && message !== undefined) tls?.data(message, bytes, left);
  };

  const splitter = new LineSplitter({ line: onLine, bytes: onBytes });

  child.stdout.on('data', (chunk: Buffer) => {
    if (!splitter.push(chunk)) breakOff(`wrote a line longer than ${MAX_LINE} bytes`);
    options.onBatch?.();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-STDERR_KEPT);
  });
  // EPIPE when the loader has just died: its end is reported by `ended`, once.
  child.stdin.on('error', () => {});

  const howItDied = ({ exitCode: code, signal }: ChildEnd): string => {
    if (broken !== undefined) return broken;
    const said = complaint.trim().split('\n').at(-1) ?? '';
    const end = signal !== undefined ? `was killed by ${signal}` : `ended with code ${code ?? 'unknown'}`;
    return said === '' ? end : `${end}: ${said}`;
  };

  const ended = childEnd(child).then((result): LoaderOutcome => {
    over = true;
    const how = howItDied(result);
    const outcome: LoaderOutcome =
      bye !== undefined && broken === undefined && result.exitCode === 0 ? { kind: 'bye', bye } : { kind: 'died', how };
    for (const asked of waiting.values()) {
      clearTimeout(asked.timer);
      asked.reject(new LoaderGone(how));
    }
    waiting.clear();
    if (hello === undefined) {
      greeting.reject(
        result.exitCode === EXIT.unavailable
          ? new AgentgovError(firstFailure?.text ?? complaint.trim(), EXIT.unavailable)
          : new AgentgovError(`The loader ${options.path} ${how}.`, EXIT.internal),
      );
    }
    return outcome;
  });

  const ask = (command: string, fields: Record<string, unknown>, expect: Answer['msg']): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (over) {
        reject(new LoaderGone('has ended'));
        return;
      }
      const id = nextId++;
      const timer = setTimeout(() => breakOff(`did not answer "${command}" within ${patience / 1000} s`), patience);
      waiting.set(id, { expect, resolve, reject, timer });
      child.stdin.write(`${JSON.stringify({ cmd: command, ...fields, id })}\n`);
    });

  const writePolicy = async ({ name, size, bytes }: PolicyTable): Promise<void> => {
    const step = Math.max(1, Math.floor(TABLE_BYTES / size)) * size;
    const asked: Promise<Answer>[] = [];
    for (let at = 0; at < bytes.length; at += step) {
      const data = bytes.toString('base64', at, at + step);
      asked.push(ask('policy', { table: name, data }, 'policy'));
    }
    await Promise.all(asked);
  };

  const end = async (command: 'quit' | 'leave'): Promise<LoaderOutcome> => {
    if (!over) {
      child.stdin.end(`{"cmd":"${command}"}\n`);
      child.stdout.resume();
    }
    const timer = setTimeout(() => breakOff(`did not end within ${patience / 1000} s`), patience);
    try {
      return await ended;
    } finally {
      clearTimeout(timer);
    }
  };

  const silent = setTimeout(() => breakOff(`said nothing within ${startPatience / 1000} s`), startPatience);
  return greeting.promise
    .finally(() => clearTimeout(silent))
    .then(async (greeted): Promise<Loader> => {
      if (greeted.protocol !== PROTOCOL || greeted.version !== VERSION) {
        await end('quit');
        throw new AgentgovError(
          `The loader ${options.path} is version ${greeted.version} (protocol ${greeted.protocol}), this is agentgov ` +
            `${VERSION} (protocol ${PROTOCOL}); install agentgov again, or run make -C bpf in a checkout.`,
          EXIT.internal,
        );
      }
      return {
        hello: greeted,
        pid,
        ended,
        govern: async (pids) => (await ask('govern', { pids }, 'governing')) as Governing,
        stop: async () => (await ask('stop', {}, 'stopped')) as Stopped,
        stats: async () => (await ask('stats', {}, 'stats')) as Stats,
        member: async (pid) => ((await ask('member', { pid }, 'member')) as Member).member,
        tables: async (pid) => (await ask('tables', { pid }, 'tables')) as Tables,
        policy: writePolicy,
        swap: async (head) => void (await ask('swap', { head }, 'policy')),
        clear: async () => void (await ask('clear', {}, 'policy')),
        block: async () => void (await ask('block', {}, 'policy')),
        unblock: async () => void (await ask('unblock', {}, 'policy')),
        keep: async () => void (await ask('keep', {}, 'keeping')),
        release: async () => void (await ask('release', {}, 'keeping')),
        takeOver: async () => (await ask('take_over', {}, 'taken_over')) as TakenOver,
        guard: async (files) => void (await ask('guard', { data: listOf(files) }, 'policy')),
        forget: async () => void (await ask('forget', {}, 'keeping')),
        leave: () => end('leave'),
        quit: () => end('quit'),
        pause: () => {
          child.stdout.pause();
        },
        resume: () => {
          child.stdout.resume();
        },
      };
    });
}
