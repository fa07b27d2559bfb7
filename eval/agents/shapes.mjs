// How the model APIs answer, as far as an agent from npm looks: one tool call or a last word, in one piece or streamed.
import { randomBytes } from 'node:crypto';

const id = (prefix) => `${prefix}_${randomBytes(6).toString('hex')}`;
const sse = (type, data) => `${type ? `event: ${type}\n` : ''}data: ${JSON.stringify(data)}\n\n`;

/** What tools gave so far: so far has the agent come in its plan. */
const countWhere = (items, fits) => (items ?? []).filter(fits).length;

const anthropic = {
  path: /\/v1\/messages$/,
  isStreamed: ({ stream }) => stream === true,
  hasTools: ({ tools }) => (tools ?? []).some(({ input_schema }) => input_schema),
  answered: ({ messages }) =>
    countWhere(
      messages?.flatMap(({ content }) => (Array.isArray(content) ? content : [])),
      ({ type }) => type === 'tool_result',
    ),
  whole({ model, text, call, usage }) {
    const said = { type: 'text', text };
    const asked = call && { type: 'tool_use', id: id('toolu'), name: call.name, input: call.args };
    return {
      id: id('msg'),
      type: 'message',
      role: 'assistant',
      model,
      content: call ? [asked] : [said],
      stop_reason: call ? 'tool_use' : 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: usage.input, output_tokens: usage.output },
    };
  },
  streamed(answer) {
    const { content, stop_reason, usage, ...head } = anthropic.whole(answer);
    const [block] = content;
    const isCall = block.type === 'tool_use';
    const delta = isCall
      ? { type: 'input_json_delta', partial_json: JSON.stringify(block.input) }
      : { type: 'text_delta', text: block.text };
    const events = [
      {
        type: 'message_start',
        message: { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
      },
      {
        type: 'content_block_start',
        index: 0,
        content_block: isCall ? { ...block, input: {} } : { ...block, text: '' },
      },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason, stop_sequence: null },
        usage: { output_tokens: usage.output_tokens },
      },
      { type: 'message_stop' },
    ];
    return events.map((event) => sse(event.type, event)).join('');
  },
};

const chat = {
  path: /\/chat\/completions$/,
  isStreamed: ({ stream }) => stream === true,
  hasTools: ({ tools }) => (tools ?? []).length > 0,
  answered: ({ messages }) => countWhere(messages, ({ role }) => role === 'tool'),
  whole({ model, text, call, usage }) {
    const what = call && { name: call.name, arguments: JSON.stringify(call.args) };
    const message = call
      ? { role: 'assistant', content: null, tool_calls: [{ id: id('call'), type: 'function', function: what }] }
      : { role: 'assistant', content: text };
    return {
      id: id('chatcmpl'),
      object: 'chat.completion',
      created: 1_770_000_000,
      model,
      choices: [{ index: 0, message, finish_reason: call ? 'tool_calls' : 'stop' }],
      usage: {
        prompt_tokens: usage.input,
        completion_tokens: usage.output,
        total_tokens: usage.input + usage.output,
      },
    };
  },
  streamed(answer) {
    const { choices, usage, ...rest } = chat.whole(answer);
    const [{ message, finish_reason }] = choices;
    const head = { ...rest, object: 'chat.completion.chunk' };
    const delta = message.tool_calls
      ? { ...message, tool_calls: message.tool_calls.map((one, index) => ({ index, ...one })) }
      : message;
    const chunks = [
      { ...head, choices: [{ index: 0, delta, finish_reason: null }] },
      { ...head, choices: [{ index: 0, delta: {}, finish_reason }] },
      { ...head, choices: [], usage },
    ];
    return `${chunks.map((chunk) => sse(undefined, chunk)).join('')}data: [DONE]\n\n`;
  },
};

const responses = {
  path: /\/responses$/,
  isStreamed: ({ stream }) => stream === true,
  hasTools: ({ tools }) => (tools ?? []).length > 0,
  answered: ({ input }) => countWhere(Array.isArray(input) ? input : [], ({ type }) => /_call_output$/.test(type)),
  whole({ model, text, call, usage }) {
    const item = call
      ? {
          type: 'function_call',
          id: id('fc'),
          call_id: id('call'),
          name: call.name,
          arguments: JSON.stringify(call.args),
        }
      : {
          type: 'message',
          id: id('msg'),
          role: 'assistant',
          content: [{ type: 'output_text', text, annotations: [] }],
        };
    return {
      id: id('resp'),
      object: 'response',
      created_at: 1_770_000_000,
      status: 'completed',
      model,
      output: [{ ...item, status: 'completed' }],
      usage: {
        input_tokens: usage.input,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: usage.output,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: usage.input + usage.output,
      },
    };
  },
  streamed(answer) {
    const response = responses.whole(answer);
    const [item] = response.output;
    const events = [
      { type: 'response.created', response: { ...response, status: 'in_progress', output: [], usage: null } },
      { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress' } },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response },
    ];
    return events.map((event, sequence_number) => sse(event.type, { ...event, sequence_number })).join('');
  },
};

const gemini = {
  path: /\/models\/[^/]+:(?:generateContent|streamGenerateContent)$/,
  isStreamed: (_body, path) => path.includes(':stream'),
  hasTools: ({ tools }) => (tools ?? []).some(({ functionDeclarations }) => functionDeclarations),
  answered: ({ contents }) =>
    countWhere(
      contents?.flatMap(({ parts }) => parts ?? []),
      (part) => 'functionResponse' in part,
    ),
  whole({ model, text, call, usage }) {
    const content = { role: 'model', parts: [call ? { functionCall: call } : { text }] };
    return {
      candidates: [{ content, finishReason: 'STOP', index: 0 }],
      usageMetadata: {
        promptTokenCount: usage.input,
        candidatesTokenCount: usage.output,
        totalTokenCount: usage.input + usage.output,
      },
      modelVersion: model,
      responseId: id('resp'),
    };
  },
  streamed: (answer) => sse(undefined, gemini.whole(answer)),
};

/**
 * The APIs by the name that `llm_api` has for them. `answered`: how many results of tools the request's body holds;
 * `whole`: the answer as a document, `streamed`: as the text of its events.
 */
export const SHAPES = {
  'anthropic-messages': anthropic,
  'openai-chat': chat,
  'openai-responses': responses,
  gemini,
};
