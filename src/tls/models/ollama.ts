// Ollama's own API, /api/chat and /api/generate: github.com/ollama/ollama, docs/api.md and api/types.go. A response is
// streamed as lines of JSON unless the request says otherwise; a tool call stands in one of them, whole.
import { countOf, isObject, type JsonObject, listOf, objectOf, stringOf } from '../json.js';
import { type AnswerReader, type AnswerSink, type ModelApi, type Part, requestOf, wholeTool } from './model.js';
import { partOf } from './openai-chat.js';

class Reader implements AnswerReader {
  constructor(private readonly sink: AnswerSink) {}

  whole(body: JsonObject): void {
    this.event(body);
    this.sink.over();
  }

  event(data: JsonObject): void {
    const message = objectOf(data.message) ?? {};
    this.sink.about({ model: stringOf(data.model), stop: stringOf(data.done_reason) });
    if (data.error !== undefined) this.sink.error('error');
    this.sink.text(stringOf(message.content) ?? stringOf(data.response) ?? '');
    for (const call of listOf(message.tool_calls).filter(isObject)) {
      const what = objectOf(call.function) ?? {};
      wholeTool(this.sink, stringOf(what.name), stringOf(call.id), what.arguments);
    }
    if (data.done !== true) return;
    this.sink.usage({ input: countOf(data.prompt_eval_count), output: countOf(data.eval_count) });
    this.sink.over();
  }
}

const prompts = ({ system, prompt }: JsonObject): Part[] => [
  { role: 'system', text: stringOf(system) ?? '' },
  { role: 'user', text: stringOf(prompt) ?? '' },
];

export const OLLAMA: ModelApi = {
  provider: 'ollama',
  request: (body) => {
    const messages = listOf(body.messages).filter(isObject);
    const after = messages.length > 0 ? messages.map(partOf) : prompts(body);
    return { ...requestOf(body, Math.max(1, messages.length), { after }), isStreamed: body.stream !== false };
  },
  answer: (sink) => new Reader(sink),
};

/** Its paths are also those of others, whose bodies name no model. */
export const asksOllama = (path: string, body: JsonObject): boolean =>
  typeof body.model === 'string' &&
  ((path.endsWith('/api/chat') && Array.isArray(body.messages)) ||
    (path.endsWith('/api/generate') && typeof body.prompt === 'string'));
