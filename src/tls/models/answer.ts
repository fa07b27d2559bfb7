import { textsOf } from '../../cause/index.js';
import { Content } from '../content.js';
import { isObject, parseJson } from '../json.js';
import type { Budget } from '../pile.js';
import type { Fields, Reporter } from '../report.js';
import { cutText, wholeWords } from '../secrets.js';
import type { Talk } from '../talk.js';
import type { AnswerReader, AnswerSink, Api, OpenTool, Usage } from './model.js';
import { APIS } from './recognise.js';

/** What is written down of a call's arguments, and what is looked at of them. */
const ARGUMENTS_BYTES = 4096;
const ARGUMENTS_MAX = 1 << 20;
/** What is written down of a content with --capture-content. */
export const CONTENT_MAX = 1 << 20;
/** Calls that are being written at once; nobody asks for more. */
const TOOLS_MAX = 256;

/** The arguments of a call as they are written down. */
export function argumentFields(reporter: Reporter, args: Content): Fields {
  const { toolArgs, secrets } = reporter.room;
  const size = { arguments_bytes: args.bytes, arguments_hmac: args.hmac };
  if (!toolArgs) return size;
  const kept = args.kept.toString('utf8');
  const raw = args.isWhole ? kept : wholeWords(kept);
  // Escapes must not hide a secret, so what is JSON is spelled anew; and each of its texts may be a command.
  const parsed = args.isWhole ? parseJson(raw) : undefined;
  let credential: string | undefined;
  const command = (_: string, value: unknown): unknown => {
    if (typeof value !== 'string' || !/\s/.test(value)) return value;
    const cleaned = secrets.clean(value, 'script');
    credential ??= cleaned.secrets[0]?.fingerprint;
    return cleaned.text;
  };
  const plain = parsed === undefined ? raw : JSON.stringify(parsed, command);
  const cleaned = secrets.clean(plain, 'script');
  const { text, isCut } = cutText(cleaned.text, ARGUMENTS_BYTES);
  return {
    ...size,
    arguments: text,
    arguments_cut: isCut || !args.isWhole || undefined,
    credential: credential ?? cleaned.secrets[0]?.fingerprint,
  };
}

/** One response of a model: events become `tool_call`s at once, and an `llm_response` when it is over. */
export class Answer implements AnswerSink, Talk {
  /** It has been written down: what still comes is not of it. */
  isOver = false;
  readonly #reader: AnswerReader;
  readonly #text: Content;
  readonly #open = new Set<OpenTool>();
  readonly #usage: Usage = {};
  readonly #facts: { id?: string; model?: string; stop?: string } = {};
  #status: number | undefined;
  #isStreamed: boolean | undefined;
  #error: string | undefined;
  #tools = 0;
  #left = 0;
  #wasRead = false;

  /** `cause`: `seq` of the llm_request. */
  constructor(
    private readonly reporter: Reporter,
    private readonly budget: Budget,
    private readonly api: Api,
    private readonly cause: number | undefined,
  ) {
    const { redactor, captureContent } = reporter.room;
    this.#text = new Content(redactor.hash(), budget, captureContent ? CONTENT_MAX : 0);
    this.#reader = APIS[api].answer(this);
  }

  /** What the response's head said. */
  head({ status, isStreamed }: { status?: number; isStreamed: boolean }): void {
    this.#status = status;
    this.#isStreamed = isStreamed;
  }

  /** The data of one event of the stream. */
  event(data: string): void {
    if (this.isOver) return;
    if (data === '[DONE]') {
      this.over();
      return;
    }
    const json = parseJson(data);
    if (!isObject(json)) return;
    this.#wasRead = true;
    this.#reader.event(json);
  }

  /** The body of a response that is no event stream. */
  body(text: string): void {
    const json = parseJson(text);
    // Gemini streams an array where nobody asks for events.
    for (const item of Array.isArray(json) ? json : []) if (isObject(item) && !this.isOver) this.#reader.event(item);
    if (isObject(json)) this.#reader.whole(json);
    this.#wasRead ||= Array.isArray(json) || isObject(json);
  }

  about(facts: { id?: string | undefined; model?: string | undefined; stop?: string | undefined }): void {
    for (const [name, value] of Object.entries(facts))
      if (value !== undefined) Object.assign(this.#facts, { [name]: value });
  }

  usage(usage: Usage): void {
    for (const [name, value] of Object.entries(usage))
      if (value !== undefined) Object.assign(this.#usage, { [name]: value });
  }

  error(type: string): void {
    this.#error ??= type;
  }

  text(text: string): void {
    if (text !== '') this.#text.push(Buffer.from(text));
  }

  tool(name: string, id: string | undefined): OpenTool | undefined {
    if (this.#open.size >= TOOLS_MAX) {
      this.#left += 1;
      return undefined;
    }
    const args = new Content(this.reporter.room.redactor.hash(), this.budget, ARGUMENTS_MAX);
    const tool: OpenTool = { name, id, arguments: args };
    this.#open.add(tool);
    return tool;
  }

  toolEnd(tool: OpenTool): void {
    this.#tellTool(tool);
  }

  over(): void {
    this.#finish(undefined);
  }

  /** The response has ended, whatever the model said; `fault`: why it is not whole. */
  end(fault: string | undefined): void {
    const isUnfinished = this.#facts.stop === undefined && this.#error === undefined;
    this.#finish(
      fault ?? (!this.#wasRead ? 'it could not be read' : isUnfinished ? 'its end was not seen' : undefined),
    );
  }

  #tellTool({ name, id, arguments: args }: OpenTool, fault?: string): void {
    for (const tool of this.#open) if (tool.arguments === args) this.#open.delete(tool);
    this.#tools += 1;
    const { provider } = APIS[this.api];
    const { secrets } = this.reporter.room;
    const whole = args.kept.toString('utf8');
    const seq = this.reporter.report('tool_call', {
      provider,
      llm_api: this.api,
      tool: secrets.word(name),
      tool_call_id: secrets.word(id),
      cause_seq: this.cause,
      ...argumentFields(this.reporter, args),
      ...this.#wordsFrom(whole),
      incomplete: fault === undefined ? undefined : true,
      reason: fault,
    });
    const { joiner } = this.reporter.room;
    if (seq !== undefined) joiner.tool({ seq, tsUs: this.reporter.origin.ts_us, args: whole, hmac: args.hmac });
    args.clear();
  }

  #wordsFrom(args: string): Fields {
    const { joiner, secrets, toolArgs } = this.reporter.room;
    const { words, isCut } = joiner.origins.trace(textsOf(args).join(' '));
    const said = words.map(
      ({ word, print, seq }) => `${toolArgs ? secrets.clean(word, 'words').text : `#${print}`} ${seq}`,
    );
    return { words_from: said.length > 0 ? said : undefined, words_cut: isCut ? true : undefined };
  }

  #finish(fault: string | undefined): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const tool of [...this.#open]) this.#tellTool(tool, fault ?? 'its end was not seen');
    const why = fault ?? (this.#left > 0 ? `${this.#left} calls at once were too many to be read` : undefined);
    const { id, model, stop } = this.#facts;
    const { secrets } = this.reporter.room;
    const usage = this.#usage;
    this.reporter.report('llm_response', {
      provider: APIS[this.api].provider,
      llm_api: this.api,
      model: secrets.word(model),
      response_id: secrets.word(id),
      stop_reason: secrets.word(stop),
      streamed: this.#isStreamed,
      http_status: this.#status,
      error_type: secrets.word(this.#error),
      tool_calls: this.#tools,
      input_tokens: usage.input,
      output_tokens: usage.output,
      cache_read_tokens: usage.cacheRead,
      cache_write_tokens: usage.cacheWrite,
      reasoning_tokens: usage.reasoning,
      total_tokens: usage.total,
      cause_seq: this.cause,
      content_bytes: this.#text.bytes,
      content_hmac: this.#text.bytes > 0 ? this.#text.hmac : undefined,
      ...this.#content(),
      incomplete: why === undefined ? undefined : true,
      reason: why,
    });
    this.#text.clear();
  }

  #content(): Fields {
    if (!this.reporter.room.captureContent || this.#text.bytes === 0) return {};
    const kept = this.#text.kept.toString('utf8');
    const text = this.#text.isWhole ? kept : wholeWords(kept);
    const content = this.reporter.room.secrets.clean(text, 'script').text;
    return { content, content_cut: this.#text.isWhole ? undefined : true };
  }
}
