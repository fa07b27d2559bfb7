// OpenAI's Responses API: platform.openai.com/docs/api-reference/responses, and .../responses-streaming for the events.
import { countOf, isObject, type JsonObject, listOf, objectOf, stringOf } from '../json.js';
import { type AnswerReader, type AnswerSink, type ModelApi, type Part, requestOf, wholeTool } from './model.js';

const textsOf = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map((item) => stringOf(objectOf(item)?.text) ?? '')
        .join('\n');

/** `function_call_output` and its like are what tools gave; `function_call` and its like are the model's own words. */
const isOutput = (item: JsonObject): boolean => typeof item.type === 'string' && item.type.endsWith('_call_output');
const isCall = (item: JsonObject): boolean => typeof item.type === 'string' && item.type.endsWith('_call');

function partOf(item: JsonObject): Part {
  if (isOutput(item)) {
    const { output } = item;
    const text = isObject(output) ? JSON.stringify(output) : textsOf(output);
    return { role: 'tool', text, callId: stringOf(item.call_id) };
  }
  const text = textsOf(item.content);
  if (item.role === 'system' || item.role === 'developer') return { role: 'system', text };
  return { role: item.role === 'user' ? 'user' : 'assistant', text };
}

class Reader implements AnswerReader {
  /** What the last event repeats was told already. */
  #toldItems = false;

  constructor(private readonly sink: AnswerSink) {}

  whole(body: JsonObject): void {
    this.#response(body);
    this.sink.over();
  }

  event(data: JsonObject): void {
    switch (data.type) {
      case 'response.created':
        this.#about(objectOf(data.response) ?? {});
        break;
      case 'response.output_text.delta':
        this.sink.text(stringOf(data.delta) ?? '');
        break;
      case 'response.output_item.done': {
        const item = objectOf(data.item) ?? {};
        this.#toldItems = true;
        if (isCall(item)) this.#call(item);
        break;
      }
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        this.#response(objectOf(data.response) ?? {});
        this.sink.over();
        break;
      case 'error':
        this.sink.error(stringOf(data.code) ?? stringOf(objectOf(data.error)?.type) ?? 'error');
        break;
    }
  }

  #response(response: JsonObject): void {
    this.#about(response);
    const usage = objectOf(response.usage) ?? {};
    this.sink.usage({
      input: countOf(usage.input_tokens),
      output: countOf(usage.output_tokens),
      total: countOf(usage.total_tokens),
      cacheRead: countOf(objectOf(usage.input_tokens_details)?.cached_tokens),
      reasoning: countOf(objectOf(usage.output_tokens_details)?.reasoning_tokens),
    });
    // The API's own word for how it ended, and why where it is incomplete.
    const why = stringOf(objectOf(response.incomplete_details)?.reason);
    this.sink.about({ stop: why ?? stringOf(response.status) });
    const error = objectOf(response.error);
    if (error !== undefined) this.sink.error(stringOf(error.code) ?? stringOf(error.type) ?? 'error');
    if (this.#toldItems) return;
    for (const item of listOf(response.output).filter(isObject)) {
      if (isCall(item)) this.#call(item);
      else this.sink.text(textsOf(item.content));
    }
  }

  #about(response: JsonObject): void {
    this.sink.about({ id: stringOf(response.id), model: stringOf(response.model) });
  }

  /** A function has a name and arguments, a custom tool an input, a tool of the API itself an action. */
  #call(item: JsonObject): void {
    const name = stringOf(item.name) ?? stringOf(item.type);
    const args = item.arguments ?? item.input ?? item.action ?? item.query ?? item.queries ?? item.code;
    wholeTool(this.sink, name, stringOf(item.call_id) ?? stringOf(item.id), args);
  }
}

export const OPENAI_RESPONSES: ModelApi = {
  provider: 'openai',
  request: (body) => {
    const { input, instructions } = body;
    const before: Part[] = typeof instructions === 'string' ? [{ role: 'system', text: instructions }] : [];
    const after: Part[] =
      typeof input === 'string' ? [{ role: 'user', text: input }] : listOf(input).filter(isObject).map(partOf);
    return requestOf(body, after.length, { before, after });
  },
  answer: (sink) => new Reader(sink),
};
