import { BODY_MAX as COMPARED_MAX } from '../cause/index.js';
import { textOfBytes } from '../events/index.js';
import { Content } from './content.js';
import { decodeContent, isPlain } from './http/decode.js';
import { type Exchange, type Fault, MISSING, type RequestHead, type ResponseHead, type Role } from './http/message.js';
import { LineReader } from './http/ndjson.js';
import { SSE_BYTES, SseReader } from './http/sse.js';
import { isObject, parseJson } from './json.js';
import { MCP_NAME, McpTalk } from './mcp.js';
import { Answer } from './models/answer.js';
import type { Api } from './models/model.js';
import { reportQuestion } from './models/question.js';
import { apiOfBody, apiOfPath, BODY_NAMES } from './models/recognise.js';
import type { Budget } from './pile.js';
import type { Fields, Reporter } from './report.js';
import { cutText } from './secrets.js';
import type { Talk } from './talk.js';

/** A body that is to be understood, packed and unpacked. Whatever is larger is only measured. */
const BODY_MAX = 8 << 20;
const PATH_BYTES = 4096;

const TOO_LARGE = 'it is too large to be read';

type StreamReader = SseReader | LineReader;

/** One request and its response, over whatever version of HTTP: what of them is written down. */
export class HttpExchange implements Exchange {
  #head: RequestHead | undefined;
  #request: Content | undefined;
  /** `seq` of the http_request, and what its response repeats of it. */
  #seq: number | undefined;
  #about: Fields = {};
  #credential: string | undefined;
  #response: { head: ResponseHead; content: Content; stream: StreamReader | undefined } | undefined;
  #talk: Talk | undefined;
  #isOver = false;

  constructor(
    private readonly reporter: Reporter,
    private readonly budget: Budget,
  ) {}

  request(head: RequestHead): void {
    const { secrets } = this.reporter.room;
    this.#head = head;
    const credential = secrets.learnFrom(head.headers);
    const target = secrets.clean(textOf(head.target), 'words');
    this.#credential = credential ?? target.secrets[0]?.fingerprint;
    this.#about = {
      http_method: secrets.word(head.method),
      http_host: head.host === undefined ? undefined : secrets.host(textOf(head.host)),
      http_path: cutText(target.text, PATH_BYTES).text,
      http_version: head.version,
    };
    this.#request = this.#content(mayBeUnderstood(head) ? BODY_MAX : 0);
  }

  requestBody(bytes: Uint8Array): void {
    this.#request?.push(bytes);
  }

  requestGap(): void {
    if (this.#request !== undefined) this.#request.hasGap = true;
  }

  requestEnd(fault?: Fault): void {
    const content = this.#request;
    const head = this.#head;
    if (content === undefined || head === undefined) return;
    this.#request = undefined;
    const why = fault ?? (content.hasGap ? MISSING : undefined);
    const read = mayBeUnderstood(head) ? readQuestion(content, head) : undefined;
    this.#seq = this.reporter.report('http_request', {
      ...this.#about,
      ...this.#bodyFields(content, head),
      ...(read?.api === undefined ? this.#cause(head, content, read?.body) : {}),
      credential: this.#credential,
      incomplete: why === undefined ? undefined : true,
      reason: why,
    });
    if (read !== undefined) this.#understand(read, why);
    content.clear();
  }

  response(head: ResponseHead): void {
    // A server need not wait for the end of the request; nothing of it is looked at any more.
    this.requestEnd('the response began before its end');
    this.reporter.room.secrets.learnFrom(head.headers);
    const kind = streamOf(head);
    const isRead = this.#talk !== undefined;
    const streams =
      isRead && kind !== undefined && isPlain(head.headers.get('content-encoding')) && this.budget.take(SSE_BYTES);
    this.#response = {
      head,
      content: this.#content(isRead && !streams ? BODY_MAX : 0),
      stream: streams ? new kind((data) => this.#talk?.event(data)) : undefined,
    };
    if (this.#talk instanceof Answer) this.#talk.head({ status: head.status, isStreamed: kind !== undefined });
  }

  responseBody(bytes: Uint8Array): void {
    this.#response?.content.push(bytes);
    this.#response?.stream?.push(bytes);
  }

  responseGap(): void {
    if (this.#response !== undefined) this.#response.content.hasGap = true;
  }

  responseEnd(fault?: Fault): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.requestEnd(fault);
    const response = this.#response;
    const why = fault ?? (response?.content.hasGap ? MISSING : undefined);
    if (this.#talk !== undefined) this.#endTalk(this.#talk, why);
    const unseen = this.#head === undefined ? 'its request was not seen' : undefined;
    this.reporter.report('http_response', {
      ...this.#about,
      http_status: response?.head.status,
      http_version: response?.head.version ?? this.#head?.version,
      ...(response === undefined ? {} : this.#bodyFields(response.content, response.head)),
      cause_seq: this.#seq,
      incomplete: why === undefined ? undefined : true,
      reason: why ?? unseen,
    });
    response?.content.clear();
  }

  text(from: Role, text: string): void {
    if (from === 'server') {
      this.#talk?.event(text);
      return;
    }
    // OpenAI's Responses over a WebSocket: each request is a message, and each event of its response another.
    const message = parseJson(text);
    if (!isObject(message) || message.type !== 'response.create') return;
    this.#talk?.end('another request was sent');
    const body = isObject(message.response) ? message.response : message;
    const request = { body, path: '', cause: this.#seq, fault: undefined };
    const cause = reportQuestion(this.reporter, 'openai-responses', request);
    const answer = new Answer(this.reporter, this.budget, 'openai-responses', cause);
    answer.head({ isStreamed: true });
    this.#talk = answer;
  }

  textEnd(): void {
    this.#talk?.end('the connection ended before it did');
  }

  #content(most: number): Content {
    return new Content(this.reporter.room.redactor.hash(), this.budget, most);
  }

  #bodyFields(content: Content, { headers }: RequestHead | ResponseHead): Fields {
    const { secrets } = this.reporter.room;
    return {
      content_type: secrets.word(headers.get('content-type')),
      content_encoding: secrets.word(headers.get('content-encoding')),
      content_bytes: content.bytes,
      content_hmac: content.bytes > 0 && !content.hasGap ? content.hmac : undefined,
    };
  }

  /** The tool call that a request was sent for. One to a model holds all calls of before, and is the agent's own. */
  #cause({ target, host }: RequestHead, content: Content, body: unknown): Fields {
    const { room, origin, peer } = this.reporter;
    const cause = room.joiner.request({
      tsUs: origin.ts_us,
      pid: origin.pid,
      startUs: origin.start_us,
      connection: peer.connection,
      localPort: peer.local_port,
      host: textOf(host ?? peer.server_name ?? ''),
      path: textOf(withoutHost(target)),
      hmac: content.bytes > 0 && !content.hasGap ? content.hmac : undefined,
      body: content.bytes <= COMPARED_MAX ? body : undefined,
    });
    return { ...cause };
  }

  /** Writes down what the request says, where it is one to a model or an MCP server. */
  #understand({ api, body, path, fault: unread }: Question, why: string | undefined): void {
    if (api === undefined) {
      this.#talk = McpTalk.begin(this.reporter, body, this.#seq);
      return;
    }
    const cause = reportQuestion(this.reporter, api, { body, path, cause: this.#seq, fault: why ?? unread });
    this.#talk = new Answer(this.reporter, this.budget, api, cause);
  }

  #endTalk(talk: Talk, why: string | undefined): void {
    const response = this.#response;
    if (response === undefined) {
      talk.end(why ?? 'there was no response');
      return;
    }
    let fault = why;
    const kind = streamOf(response.head);
    if (response.stream !== undefined) {
      response.stream.end();
      if (response.stream.overflowed) fault ??= TOO_LARGE;
      this.budget.give(SSE_BYTES);
    } else {
      const read = readBody(response.content, response.head);
      if ('fault' in read) fault ??= read.fault;
      else if (kind !== undefined) readStream(kind, talk, read.bytes);
      else talk.body(read.bytes.toString('utf8'));
    }
    talk.end(fault);
  }
}

/** Readers of HTTP make a character of each byte. */
const textOf = (bytes: string): string => textOfBytes(Buffer.from(bytes, 'latin1')).text;

/** Bodies of these are looked at: JSON, or what does not say what it is. */
const mayBeUnderstood = ({ method, headers }: RequestHead): boolean =>
  method === 'POST' && /json|^text\/plain|^$/i.test(headers.get('content-type') ?? '');

/** Of a whole URL, as proxies get it, the path and the query. */
const withoutHost = (target: string): string => target.replace(/^https?:\/\/[^/]*/i, '');

/** The body of a request, and which model's API it is spoken in, if it is one. */
interface Question {
  readonly path: string;
  readonly body: unknown;
  readonly api: Api | undefined;
  /** Why the body could not be read. */
  readonly fault: string | undefined;
}

function readQuestion(content: Content, head: RequestHead): Question {
  const path = withoutHost(head.target.split('?', 1)[0] as string);
  const read = readBody(content, head);
  const named = apiOfPath(path);
  const isWanted = 'bytes' in read && (named !== undefined || content.bytes <= COMPARED_MAX || mayTell(read.bytes));
  const body = isWanted ? parseJson(read.bytes.toString('utf8')) : undefined;
  const api = named ?? (isObject(body) ? apiOfBody(body, path) : undefined);
  return { path, body, api, fault: 'fault' in read ? read.fault : undefined };
}

/** One of these is in every body that tells by itself what it is; a name may be spelled with escapes. */
const TELLING = [...BODY_NAMES, MCP_NAME].map((name) => JSON.stringify(name)).concat(String.raw`\u`);

/** Whether it is worth parsing: most of what is large is no talk with anybody, and to search is cheaper by far. */
const mayTell = (bytes: Buffer): boolean => TELLING.some((text) => bytes.includes(text, 0, 'latin1'));

/** A whole body as what it packs, valid until the content is cleared. */
function readBody(content: Content, { headers }: RequestHead | ResponseHead): { bytes: Buffer } | { fault: string } {
  if (content.hasGap) return { fault: MISSING };
  if (!content.isWhole) return { fault: TOO_LARGE };
  try {
    return { bytes: decodeContent(content.kept, headers.get('content-encoding'), BODY_MAX) };
  } catch (error) {
    return {
      fault: `its content coding could not be undone (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`,
    };
  }
}

/** How an answer is streamed, by its type. */
function streamOf({ headers }: ResponseHead): typeof SseReader | typeof LineReader | undefined {
  const type = headers.get('content-type') ?? '';
  return /^text\/event-stream\b/i.test(type)
    ? SseReader
    : /^application\/(?:x-ndjson|jsonl)\b/i.test(type)
      ? LineReader
      : undefined;
}

function readStream(kind: typeof SseReader | typeof LineReader, talk: Talk, bytes: Buffer): void {
  const stream = new kind((data) => talk.event(data));
  stream.push(bytes);
  stream.end();
}
