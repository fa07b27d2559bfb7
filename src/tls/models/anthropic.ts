// Anthropic's Messages API: docs.anthropic.com/en/api/messages, and .../messages-streaming for the events.
import { countOf, isObject, type JsonObject, listOf, objectOf, stringOf } from '../json.js';
import {
  type AnswerReader,
  type AnswerSink,
  type ModelApi,
  type OpenTool,
  type Part,
  requestOf,
  wholeTool,
} from './model.js';

const usageOf = (usage: JsonObject) => ({
  input: countOf(usage.input_tokens),
  output: countOf(usage.output_tokens),
  cacheRead: countOf(usage.cache_read_input_tokens),
  cacheWrite: countOf(usage.cache_creation_input_tokens),
});

/** The texts of a content, which is a text or a list of blocks. */
const textsOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map((block) => stringOf(objectOf(block)?.text) ?? '')
        .filter((text) => text !== '')
        .join('\n');

function partsOf(message: JsonObject): Part[] {
  const role = message.role === 'assistant' ? 'assistant' : message.role === 'system' ? 'system' : 'user';
  if (typeof message.content === 'string') return [{ role, text: message.content }];
  return listOf(message.content)
    .filter(isObject)
    .map((block): Part => {
      if (typeof block.type === 'string' && block.type.endsWith('tool_result'))
        return { role: 'tool', text: textsOf(block.content), callId: stringOf(block.tool_use_id) };
      return { role, text: stringOf(block.text) ?? textsOf(objectOf(block.source)?.content) };
    });
}

class Reader implements AnswerReader {
  /** Tool calls that are being written, by the number of their block. */
  readonly #tools = new Map<unknown, OpenTool>();

  constructor(private readonly sink: AnswerSink) {}

  whole(body: JsonObject): void {
    this.#message(body);
    for (const block of listOf(body.content).filter(isObject)) {
      if (isToolUse(block)) wholeTool(this.sink, stringOf(block.name), stringOf(block.id), block.input);
      else this.sink.text(stringOf(block.text) ?? '');
    }
    if (body.type === 'error') this.sink.error(stringOf(objectOf(body.error)?.type) ?? 'error');
    this.sink.over();
  }

  event(data: JsonObject): void {
    switch (data.type) {
      case 'message_start':
        this.#message(objectOf(data.message) ?? {});
        break;
      case 'content_block_start':
        this.#begin(data.index, objectOf(data.content_block) ?? {});
        break;
      case 'content_block_delta':
        this.#delta(data.index, objectOf(data.delta) ?? {});
        break;
      case 'content_block_stop':
        this.#end(data.index);
        break;
      case 'message_delta':
        this.sink.about({ stop: stringOf(objectOf(data.delta)?.stop_reason) });
        this.sink.usage(usageOf(objectOf(data.usage) ?? {}));
        break;
      case 'error':
        this.sink.error(stringOf(objectOf(data.error)?.type) ?? 'error');
        break;
      case 'message_stop':
        this.sink.over();
        break;
    }
  }

  #message(message: JsonObject): void {
    const { id, model, stop_reason: stop } = message;
    this.sink.about({ id: stringOf(id), model: stringOf(model), stop: stringOf(stop) });
    this.sink.usage(usageOf(objectOf(message.usage) ?? {}));
  }

  #begin(index: unknown, block: JsonObject): void {
    if (!isToolUse(block)) {
      this.sink.text(stringOf(block.text) ?? '');
      return;
    }
    const tool = this.sink.tool(stringOf(block.name) ?? '', stringOf(block.id));
    if (tool === undefined) return;
    // Nearly always empty, and then followed by deltas.
    const input = objectOf(block.input) ?? {};
    if (Object.keys(input).length > 0) tool.arguments.push(Buffer.from(JSON.stringify(input)));
    this.#tools.set(index, tool);
  }

  #delta(index: unknown, delta: JsonObject): void {
    if (delta.type === 'text_delta') this.sink.text(stringOf(delta.text) ?? '');
    if (delta.type === 'input_json_delta')
      this.#tools.get(index)?.arguments.push(Buffer.from(stringOf(delta.partial_json) ?? ''));
  }

  #end(index: unknown): void {
    const tool = this.#tools.get(index);
    this.#tools.delete(index);
    if (tool === undefined) return;
    if (tool.arguments.bytes === 0) tool.arguments.push(Buffer.from('{}'));
    this.sink.toolEnd(tool);
  }
}

/** `tool_use`, `server_tool_use` and `mcp_tool_use`. */
const isToolUse = (block: JsonObject): boolean => typeof block.type === 'string' && block.type.endsWith('tool_use');

export const ANTHROPIC: ModelApi = {
  provider: 'anthropic',
  request: (body) => {
    const messages = listOf(body.messages).filter(isObject);
    const before: Part[] = body.system === undefined ? [] : [{ role: 'system', text: textsOf(body.system) }];
    return requestOf(body, messages.length, { before, after: messages.flatMap(partsOf) });
  },
  answer: (sink) => new Reader(sink),
};
