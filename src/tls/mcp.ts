// The Model Context Protocol over HTTP (modelcontextprotocol.io, "Streamable HTTP"): JSON-RPC 2.0 in bodies and events.
import { Content } from './content.js';
import { isObject, type JsonObject, objectOf, parseJson, stringOf } from './json.js';
import { argumentFields } from './models/answer.js';
import { Budget } from './pile.js';
import type { Reporter } from './report.js';
import type { Talk } from './talk.js';

/** Requests in one body: a batch. */
const BATCH_MAX = 64;
const ARGUMENTS_MAX = 1 << 20;

interface Call {
  readonly seq: number | undefined;
  readonly method: string;
  readonly tool: string | undefined;
}

/** Every message has it. */
export const MCP_NAME = 'jsonrpc';

/** A request has an id, a notification has none. */
const requestsOf = (body: unknown): JsonObject[] =>
  (Array.isArray(body) ? body.slice(0, BATCH_MAX) : [body])
    .filter(isObject)
    .filter(({ jsonrpc, method, id }) => jsonrpc === '2.0' && typeof method === 'string' && idOf(id) !== undefined);

const idOf = (id: unknown): string | undefined =>
  typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, 256) : undefined;

/** What a server was asked, and what it answered. */
export class McpTalk implements Talk {
  readonly #calls = new Map<string, Call>();

  private constructor(private readonly reporter: Reporter) {}

  /** Writes the requests of a body down. @returns undefined where there is none. `cause`: the http_request. */
  static begin(reporter: Reporter, body: unknown, cause: number | undefined): McpTalk | undefined {
    const requests = requestsOf(body);
    if (requests.length === 0) return undefined;
    const talk = new McpTalk(reporter);
    for (const request of requests) talk.#request(request, cause);
    return talk;
  }

  get isOver(): boolean {
    return this.#calls.size === 0;
  }

  event(data: string): void {
    this.body(data);
  }

  body(text: string): void {
    const json = parseJson(text);
    for (const message of (Array.isArray(json) ? json : [json]).filter(isObject)) this.#answer(message);
  }

  end(fault: string | undefined): void {
    for (const [id, { seq, method, tool }] of this.#calls) {
      const reason = fault ?? 'it was not answered here';
      this.reporter.report('mcp_response', {
        mcp_method: method,
        tool,
        tool_call_id: this.reporter.room.secrets.word(id),
        cause_seq: seq,
        incomplete: true,
        reason,
      });
    }
    this.#calls.clear();
  }

  #request({ method, id, params }: JsonObject, cause: number | undefined): void {
    const { secrets } = this.reporter.room;
    const name = secrets.word(stringOf(method)) ?? '';
    const what = objectOf(params) ?? {};
    const tool = secrets.word(stringOf(what.name));
    const text = Buffer.from(JSON.stringify(what.arguments ?? what));
    const args = new Content(this.reporter.room.redactor.hash(), new Budget(ARGUMENTS_MAX), ARGUMENTS_MAX);
    args.push(text);
    const seq = this.reporter.report('mcp_request', {
      mcp_method: name,
      tool,
      tool_call_id: secrets.word(idOf(id)),
      cause_seq: cause,
      ...argumentFields(this.reporter, args),
    });
    this.#calls.set(idOf(id) ?? '', { seq, method: name, tool });
  }

  #answer(message: JsonObject): void {
    const id = idOf(message.id);
    const call = id === undefined ? undefined : this.#calls.get(id);
    if (id === undefined || call === undefined || message.method !== undefined) return;
    this.#calls.delete(id);
    const error = objectOf(message.error);
    const result = objectOf(message.result) ?? {};
    const bytes = Buffer.from(JSON.stringify(error ?? result));
    const { secrets } = this.reporter.room;
    const code = error === undefined ? undefined : (idOf(error.code) ?? 'error');
    this.reporter.report('mcp_response', {
      mcp_method: call.method,
      tool: call.tool,
      tool_call_id: secrets.word(id),
      cause_seq: call.seq,
      error_type: secrets.word(code ?? (result.isError === true ? 'tool' : undefined)),
      content_bytes: bytes.length,
      content_hmac: this.reporter.room.redactor.hash().update(bytes).digest('hex'),
    });
  }
}
