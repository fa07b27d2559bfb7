import type { AgentEvent } from '../events/index.js';

/** A process that is another one has another identity, whatever its number. */
export const identity = ({ pid, start_us }: AgentEvent): string => `${pid} ${start_us}`;

/** One end of a socket and the other; undefined where they are not all known. */
export function socketOf({ pid, start_us, local_port, dest_ip, dest_port }: AgentEvent): string | undefined {
  if (local_port === undefined || dest_ip === undefined) return undefined;
  return `${pid} ${start_us} ${local_port} ${dest_ip} ${dest_port}`;
}

/** What a story can be made of, beside the event that is asked about. */
const KEPT =
  /"event_type": "(?:llm_request|llm_response|llm_content|tool_call|http_request|http_response|process_exec)"|"cause_by": "/;

const DEEDS = new Set<unknown>(['file_open', 'process_exec', 'http_request']);

/** What of a log `why` looks at: fed line by line, then asked. */
export class Facts {
  readonly events = new Map<number, AgentEvent>();
  /** The last program that each process ran. */
  readonly execs = new Map<string, AgentEvent>();
  /** Responses of models, by the request that they answer. */
  readonly answers = new Map<number, AgentEvent>();
  readonly #calls = new Map<string, AgentEvent[]>();
  readonly #deeds = new Map<number, AgentEvent[]>();
  readonly #questions = new Map<number, AgentEvent>();
  /** Requests over each TLS connection, and the sockets that these go through. */
  readonly #requests = new Map<unknown, AgentEvent[]>();
  readonly #connections = new Map<string, unknown[]>();

  constructor(private readonly asked: number) {}

  /** A line of the log, in order. */
  line(line: string): void {
    const isAsked = line.includes(`"seq": ${this.asked},`);
    if (!isAsked && !KEPT.test(line)) return;
    const event = JSON.parse(line) as AgentEvent;
    const seq = Number(event.seq);
    // Of programs the last of each process is enough.
    if (isAsked || event.event_type !== 'process_exec') this.events.set(seq, event);
    const cause = Number(event.cause_seq);
    if (DEEDS.has(event.event_type) && event.cause_by !== undefined) add(this.#deeds, cause, event);
    switch (event.event_type) {
      case 'process_exec':
        if (event.errno === undefined && seq <= this.asked) this.execs.set(identity(event), event);
        break;
      case 'llm_response':
        this.answers.set(cause, event);
        break;
      case 'llm_request':
        this.#questions.set(cause, event);
        break;
      case 'tool_call':
        add(this.#calls, event.tool_call_id, event);
        break;
      case 'http_request':
        add(this.#requests, event.connection, event);
    }
    const socket = socketOf(event);
    if (socket === undefined || event.connection === undefined) return;
    const known = this.#connections.get(socket);
    if (known?.at(-1) !== event.connection) add(this.#connections, socket, event.connection);
  }

  /** The first request over the TLS connection of this socket. Ports are used again: the first one after the connect. */
  firstRequest(connect: AgentEvent): AgentEvent | undefined {
    const connections = this.#connections.get(socketOf(connect) ?? '') ?? [];
    const first = connections.map((connection) => this.#requests.get(connection)?.[0]);
    return first.find((request) => Number(request?.seq) > Number(connect.seq));
  }

  /** The question to a model that a request is. */
  questionOf({ seq }: AgentEvent): AgentEvent | undefined {
    return this.#questions.get(Number(seq));
  }

  /** The call that a content is the result of. */
  callOf({ tool_call_id, seq }: AgentEvent): AgentEvent | undefined {
    if (tool_call_id === undefined) return undefined;
    return this.#calls.get(String(tool_call_id))?.findLast((call) => Number(call.seq) < Number(seq));
  }

  /** What a call led to. */
  deedsOf({ seq }: AgentEvent): readonly AgentEvent[] {
    return this.#deeds.get(Number(seq)) ?? [];
  }
}

function add<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const there = map.get(key);
  if (there === undefined) map.set(key, [value]);
  else there.push(value);
}
