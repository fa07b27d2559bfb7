import type { AgentEvent } from '../events/index.js';
import { tellingWords } from './words.js';

/** Tool calls that may still explain something, the newest; and for how long, in µs. */
const CALLS_MAX = 256;
const CALL_US = 600_000_000;
/** Processes that a tool call explains, the newest. */
const PROCESSES_MAX = 16_384;
/** Shorter texts are in too many command lines to explain one. */
const TEXT_MIN = 8;

/** What is remembered of a tool call. */
interface Call {
  readonly seq: number;
  readonly tsUs: number;
  /** Its texts: each argument's value, white space made one. */
  readonly texts: readonly string[];
  readonly words: ReadonlySet<string>;
}

const squeeze = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** All texts inside arguments, which are JSON unless they were cut. */
export function textsOf(args: string): string[] {
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === 'string') texts.push(squeeze(value));
    else if (Array.isArray(value)) {
      // A command may be a list of its words.
      if (value.every((item) => typeof item === 'string')) texts.push(squeeze(value.join(' ')));
      for (const item of value) walk(item);
    } else if (typeof value === 'object' && value !== null) for (const item of Object.values(value)) walk(item);
  };
  try {
    walk(JSON.parse(args));
  } catch {
    texts.push(squeeze(args));
  }
  return texts;
}

const processOf = ({ pid, start_us }: AgentEvent): string => `${pid} ${start_us}`;

/**
 * Joins what a tree does to the tool call that explains it: the one whose arguments hold the command, the address or the
 * path, or that explained the process or its parent. The newest counts.
 */
export class Joiner {
  /** Things that could have been explained, and were not, since the first tool call. */
  unmatched = 0;
  readonly #calls: Call[] = [];
  /** Which call explains a process; by identity, and by pid for its children. */
  readonly #processes = new Map<string, number>();

  /** A tool call has its place in the log. */
  tool(call: AgentEvent, seq: number): void {
    const args = typeof call.arguments === 'string' ? call.arguments : '';
    this.#calls.unshift({ seq, tsUs: Number(call.ts_us), texts: textsOf(args), words: new Set(tellingWords(args)) });
    if (this.#calls.length > CALLS_MAX) this.#calls.pop();
  }

  /** The event with the `seq` of the tool call that explains it, or marked where none does. */
  explained(event: AgentEvent): AgentEvent {
    const isAsked = event.event_type === 'process_exec' || event.event_type === 'network_connect';
    if (!isAsked || this.#calls.length === 0) return event;
    const seq = this.#explain(event);
    return seq === undefined ? { ...event, intent: 'unmatched' } : { ...event, cause_seq: seq };
  }

  #explain(event: AgentEvent): number | undefined {
    const isExec = event.event_type === 'process_exec';
    const found = isExec ? this.#byCommand(event) : this.#byAddress(event);
    const inherited =
      this.#processes.get(processOf(event)) ?? (isExec ? this.#processes.get(`${event.ppid}`) : undefined);
    const seq = found ?? inherited;
    // The number may have been another process's.
    if (isExec) this.#processes.delete(`${event.pid}`);
    if (seq === undefined) this.unmatched += 1;
    else if (isExec) this.#remember(event, seq);
    return seq;
  }

  #recent(tsUs: unknown): Call[] {
    // Not what was asked for after it.
    return this.#calls.filter((call) => call.tsUs <= Number(tsUs) && Number(tsUs) - call.tsUs <= CALL_US);
  }

  #byCommand({ argv, ts_us }: AgentEvent): number | undefined {
    if (!Array.isArray(argv)) return undefined;
    const line = squeeze(argv.join(' '));
    // sh -c COMMAND: the last argument is the text that was asked for.
    const last = squeeze(argv.at(-1) ?? '');
    const isOf = (text: string) =>
      text === line ||
      (text === last && text !== '') ||
      (line.length >= TEXT_MIN && text.includes(line)) ||
      // A shell is given more than the command: where to go first, what to print at the end.
      (text.length >= TEXT_MIN && text.includes(' ') && last.includes(text));
    return this.#recent(ts_us).find(({ texts }) => texts.some(isOf))?.seq;
  }

  #byAddress({ dest_domain, dest_ip, ts_us }: AgentEvent): number | undefined {
    const names = [dest_domain, dest_ip].filter((name) => typeof name === 'string').map((name) => name.toLowerCase());
    return this.#recent(ts_us).find(({ words }) => names.some((name) => words.has(name)))?.seq;
  }

  #remember(event: AgentEvent, seq: number): void {
    for (const key of [processOf(event), `${event.pid}`]) {
      this.#processes.delete(key);
      this.#processes.set(key, seq);
    }
    while (this.#processes.size > 2 * PROCESSES_MAX)
      this.#processes.delete(this.#processes.keys().next().value as string);
  }
}
