// OpenAI's Chat Completions API: platform.openai.com/docs/api-reference/chat, and .../chat-streaming for the chunks.
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

/** A message, as Ollama has it too. */
export function partOf(message: JsonObject): Part {
  const { role, content } = message;
  const text =
    typeof content === 'string'
      ? content
      : listOf(content)
          .map((item) => stringOf(objectOf(item)?.text) ?? '')
          .join('\n');
  if (role === 'tool' || role === 'function') return { role: 'tool', text, callId: stringOf(message.tool_call_id) };
  if (role === 'system' || role === 'developer') return { role: 'system', text };
  return { role: role === 'assistant' ? 'assistant' : 'user', text };
}

class Reader implements AnswerReader {
  /** Tool calls that are being written, by choice and number. */
  readonly #tools = new Map<string, OpenTool>();

  constructor(private readonly sink: AnswerSink) {}

  whole(body: JsonObject): void {
    this.#about(body);
    for (const choice of listOf(body.choices).filter(isObject)) {
      const message = objectOf(choice.message) ?? {};
      this.sink.about({ stop: stringOf(choice.finish_reason) });
      this.sink.text(stringOf(message.content) ?? '');
      for (const call of listOf(message.tool_calls).filter(isObject)) {
        // A function of one's own takes JSON, a custom tool takes any text.
        const what = objectOf(call.function) ?? objectOf(call.custom) ?? {};
        wholeTool(this.sink, stringOf(what.name), stringOf(call.id), what.arguments ?? what.input);
      }
    }
    this.sink.over();
  }

  event(data: JsonObject): void {
    this.#about(data);
    for (const choice of listOf(data.choices).filter(isObject)) {
      const delta = objectOf(choice.delta) ?? {};
      this.sink.text(stringOf(delta.content) ?? '');
      for (const call of listOf(delta.tool_calls).filter(isObject))
        this.#call(`${countOf(choice.index)} ${countOf(call.index)}`, call);
      const stop = stringOf(choice.finish_reason);
      if (stop === undefined) continue;
      this.sink.about({ stop });
      this.#endTools();
    }
  }

  #about(body: JsonObject): void {
    this.sink.about({ id: stringOf(body.id), model: stringOf(body.model) });
    const error = objectOf(body.error);
    if (error !== undefined) this.sink.error(stringOf(error.type) ?? stringOf(error.code) ?? 'error');
    const usage = objectOf(body.usage);
    if (usage === undefined) return;
    this.sink.usage({
      input: countOf(usage.prompt_tokens),
      output: countOf(usage.completion_tokens),
      total: countOf(usage.total_tokens),
      cacheRead: countOf(objectOf(usage.prompt_tokens_details)?.cached_tokens),
      reasoning: countOf(objectOf(usage.completion_tokens_details)?.reasoning_tokens),
    });
  }

  #call(key: string, call: JsonObject): void {
    const what = objectOf(call.function) ?? {};
    let tool = this.#tools.get(key);
    if (tool === undefined) {
      tool = this.sink.tool(stringOf(what.name) ?? '', stringOf(call.id));
      if (tool === undefined) return;
      this.#tools.set(key, tool);
    }
    tool.arguments.push(Buffer.from(stringOf(what.arguments) ?? ''));
  }

  #endTools(): void {
    for (const tool of this.#tools.values()) this.sink.toolEnd(tool);
    this.#tools.clear();
  }
}

export const OPENAI_CHAT: ModelApi = {
  provider: 'openai',
  request: (body) => {
    const messages = listOf(body.messages).filter(isObject);
    return requestOf(body, messages.length, { after: messages.map(partOf) });
  },
  answer: (sink) => new Reader(sink),
};
