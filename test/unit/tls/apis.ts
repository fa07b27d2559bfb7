// Stand-ins of the model APIs: a server that answers in their shapes, and requests as their clients send them.
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { brotliCompressSync, gzipSync } from 'node:zlib';

export interface Script {
  /** Where the client sends it, in the API's own shape. */
  path: string;
  headers?: Record<string, string>;
  body: object;
  /** The answer: a document, or the events of a stream (with their types where the API sends them), or its lines. */
  answer: object | { events: [type: string | undefined, data: object | string][] } | { lines: object[] };
  /** What must be read out of it. */
  says: { text: string; id?: string; model: string; stop: string; usage: Record<string, number> };
  api: string;
  provider: string;
  tool: { name: string; id?: string; args: object };
}

const COMMAND = { command: 'curl -s https://pay.example/transfer', timeout: 5 };
const RESULT = 'IBAN DE02 1203 0000 0000 2020 51 from invoice.pdf';
const half = (text: string): [string, string] => [text.slice(0, 9), text.slice(9)];

const anthropicBody = (stream: boolean) => ({
  model: 'claude-sonnet-4-5',
  max_tokens: 1024,
  stream,
  system: [{ type: 'text', text: 'You are a finance agent.', cache_control: { type: 'ephemeral' } }],
  tools: [{ name: 'Bash', description: 'Run a command', input_schema: { type: 'object' } }],
  messages: [
    { role: 'user', content: 'Pay the invoice.' },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_0', name: 'Read', input: { path: 'invoice.pdf' } }] },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 'toolu_0', content: [{ type: 'text', text: RESULT }] }],
    },
  ],
});

const anthropicUsage = {
  input_tokens: 2095,
  cache_creation_input_tokens: 12,
  cache_read_input_tokens: 34,
};

const anthropic = {
  api: 'anthropic-messages',
  provider: 'anthropic',
  path: '/v1/messages',
  headers: { 'anthropic-version': '2023-06-01' },
  says: {
    text: 'I will pay — now.',
    id: 'msg_01',
    model: 'claude-sonnet-4-5-20250929',
    stop: 'tool_use',
    usage: { input_tokens: 2095, output_tokens: 503, cache_read_tokens: 34, cache_write_tokens: 12 },
  },
  tool: { name: 'Bash', id: 'toolu_1', args: COMMAND },
};

const head = { id: 'msg_01', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5-20250929' };
const [first, second] = half(JSON.stringify(COMMAND));

const chat = {
  api: 'openai-chat',
  provider: 'openai',
  path: '/v1/chat/completions',
  says: {
    text: 'I will pay — now.',
    id: 'chatcmpl-1',
    model: 'gpt-5-2025-08-07',
    stop: 'tool_calls',
    usage: { input_tokens: 82, output_tokens: 17, total_tokens: 99, cache_read_tokens: 64, reasoning_tokens: 8 },
  },
  tool: { name: 'shell', id: 'call_1', args: COMMAND },
};

const chatBody = (stream: boolean) => ({
  model: 'gpt-5',
  stream,
  ...(stream ? { stream_options: { include_usage: true } } : {}),
  tools: [{ type: 'function', function: { name: 'shell', parameters: { type: 'object' } } }],
  messages: [
    { role: 'system', content: 'You are a finance agent.' },
    { role: 'user', content: [{ type: 'text', text: 'Pay the invoice.' }] },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'toolu_0', type: 'function', function: { name: 'read', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'toolu_0', content: RESULT },
  ],
});

const chatUsage = {
  prompt_tokens: 82,
  completion_tokens: 17,
  total_tokens: 99,
  prompt_tokens_details: { cached_tokens: 64 },
  completion_tokens_details: { reasoning_tokens: 8 },
};
const chunk = (choices: object[], more: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'gpt-5-2025-08-07',
  choices,
  ...more,
});
const delta = (content: object, finish: string | null = null) =>
  chunk([{ index: 0, delta: content, logprobs: null, finish_reason: finish }], { usage: null });

const responses = {
  api: 'openai-responses',
  provider: 'openai',
  path: '/v1/responses',
  says: {
    text: 'I will pay — now.',
    id: 'resp_1',
    model: 'gpt-5-codex',
    stop: 'completed',
    usage: { input_tokens: 328, output_tokens: 52, total_tokens: 380, cache_read_tokens: 0, reasoning_tokens: 20 },
  },
  tool: { name: 'shell', id: 'call_1', args: COMMAND },
};

const responsesBody = (stream: boolean) => ({
  model: 'gpt-5-codex',
  stream,
  store: false,
  instructions: 'You are a finance agent.',
  tools: [{ type: 'function', name: 'shell', parameters: { type: 'object' } }],
  input: [
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Pay the invoice.' }] },
    { type: 'function_call', call_id: 'toolu_0', name: 'read', arguments: '{}' },
    { type: 'function_call_output', call_id: 'toolu_0', output: RESULT },
  ],
});

const responsesItems = [
  { id: 'rs_1', type: 'reasoning', summary: [] },
  { id: 'msg_1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I will pay — now.' }] },
  { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'shell', arguments: JSON.stringify(COMMAND) },
];
const responsesDone = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  model: 'gpt-5-codex',
  output: responsesItems,
  usage: {
    input_tokens: 328,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 52,
    output_tokens_details: { reasoning_tokens: 20 },
    total_tokens: 380,
  },
};

const gemini = {
  api: 'gemini',
  provider: 'gemini',
  says: {
    text: 'I will pay — now.',
    id: 'resp-g',
    model: 'gemini-2.5-pro',
    stop: 'STOP',
    usage: { input_tokens: 11, output_tokens: 5, total_tokens: 21, reasoning_tokens: 5 },
  },
  tool: { name: 'run_shell_command', args: COMMAND },
};

const geminiBody = {
  systemInstruction: { role: 'user', parts: [{ text: 'You are a finance agent.' }] },
  tools: [{ functionDeclarations: [{ name: 'run_shell_command' }] }],
  contents: [
    { role: 'user', parts: [{ text: 'Pay the invoice.' }] },
    { role: 'model', parts: [{ functionCall: { name: 'read', args: {} } }] },
    { role: 'user', parts: [{ functionResponse: { id: 'toolu_0', name: 'read', response: { output: RESULT } } }] },
  ],
};
const geminiPart = (parts: object[], more: object = {}) => ({
  candidates: [{ content: { role: 'model', parts }, index: 0, ...more }],
  usageMetadata: { promptTokenCount: 11, totalTokenCount: 11 },
  modelVersion: 'gemini-2.5-pro',
  responseId: 'resp-g',
});
const geminiEnd = {
  ...geminiPart([{ functionCall: { name: 'run_shell_command', args: COMMAND } }], { finishReason: 'STOP' }),
  usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 5, thoughtsTokenCount: 5, totalTokenCount: 21 },
};
const geminiStream = [
  geminiPart([{ text: 'thinking', thought: true }]),
  geminiPart([{ text: 'I will pay ' }]),
  geminiPart([{ text: '— now.' }]),
  geminiEnd,
];

const ollama = {
  api: 'ollama',
  provider: 'ollama',
  path: '/api/chat',
  says: { text: 'I will pay — now.', model: 'qwen3:8b', stop: 'stop', usage: { input_tokens: 169, output_tokens: 15 } },
  tool: { name: 'shell', args: COMMAND },
};
const ollamaLine = (message: object, more: object = {}) => ({
  model: 'qwen3:8b',
  created_at: '2026-04-14T09:23:01.234Z',
  message: { role: 'assistant', content: '', ...message },
  done: false,
  ...more,
});
const ollamaCall = { tool_calls: [{ function: { index: 0, name: 'shell', arguments: COMMAND } }] };
const ollamaDone = { done: true, done_reason: 'stop', total_duration: 4, prompt_eval_count: 169, eval_count: 15 };

/** Each API as it answers in one piece and as it streams. */
export const SCRIPTS: Record<string, Script> = {
  'anthropic messages': {
    ...anthropic,
    body: anthropicBody(false),
    answer: {
      ...head,
      content: [
        { type: 'text', text: 'I will pay — now.' },
        { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: COMMAND },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: { ...anthropicUsage, output_tokens: 503 },
    },
  },
  'anthropic messages, streamed': {
    ...anthropic,
    body: anthropicBody(true),
    answer: {
      events: [
        [
          'message_start',
          { type: 'message_start', message: { ...head, content: [], usage: { ...anthropicUsage, output_tokens: 1 } } },
        ],
        ['content_block_start', { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }],
        ['ping', { type: 'ping' }],
        [
          'content_block_delta',
          { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'I will pay ' } },
        ],
        [
          'content_block_delta',
          { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '— now.' } },
        ],
        ['content_block_stop', { type: 'content_block_stop', index: 0 }],
        [
          'content_block_start',
          {
            type: 'content_block_start',
            index: 1,
            content_block: { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: {} },
          },
        ],
        ...[first, second].map((partial_json): [string, object] => [
          'content_block_delta',
          { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json } },
        ]),
        ['content_block_stop', { type: 'content_block_stop', index: 1 }],
        ['message_delta', { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 503 } }],
        ['message_stop', { type: 'message_stop' }],
      ],
    },
  },
  'openai chat': {
    ...chat,
    body: chatBody(false),
    answer: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      model: 'gpt-5-2025-08-07',
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: 'I will pay — now.',
            tool_calls: [
              { id: 'call_1', type: 'function', function: { name: 'shell', arguments: JSON.stringify(COMMAND) } },
            ],
          },
        },
      ],
      usage: chatUsage,
    },
  },
  'openai chat, streamed': {
    ...chat,
    body: chatBody(true),
    answer: {
      events: [
        [undefined, delta({ role: 'assistant', content: '' })],
        [undefined, delta({ content: 'I will pay ' })],
        [undefined, delta({ content: '— now.' })],
        [
          undefined,
          delta({
            tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'shell', arguments: '' } }],
          }),
        ],
        ...[first, second].map((part): [undefined, object] => [
          undefined,
          delta({ tool_calls: [{ index: 0, function: { arguments: part } }] }),
        ]),
        [undefined, delta({}, 'tool_calls')],
        [undefined, chunk([], { usage: chatUsage })],
        [undefined, '[DONE]'],
      ],
    },
  },
  'openai responses': { ...responses, body: responsesBody(false), answer: responsesDone },
  'openai responses, streamed': {
    ...responses,
    body: responsesBody(true),
    answer: {
      events: (
        [
          { type: 'response.created', response: { ...responsesDone, status: 'in_progress', output: [], usage: null } },
          { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 1, delta: 'I will pay ' },
          { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 1, delta: '— now.' },
          { type: 'response.output_item.done', output_index: 1, item: responsesItems[1] },
          { type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 2, delta: first },
          { type: 'response.output_item.done', output_index: 2, item: responsesItems[2] },
          { type: 'response.completed', response: responsesDone },
        ] as { type: string; [member: string]: unknown }[]
      ).map((data): [string, object] => [data.type, data]),
    },
  },
  gemini: {
    ...gemini,
    path: '/v1beta/models/gemini-2.5-pro:generateContent',
    body: geminiBody,
    answer: {
      ...geminiEnd,
      candidates: [
        {
          finishReason: 'STOP',
          content: {
            role: 'model',
            parts: [{ text: 'I will pay — now.' }, { functionCall: { name: 'run_shell_command', args: COMMAND } }],
          },
        },
      ],
    },
  },
  'gemini, streamed': {
    ...gemini,
    path: '/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse',
    body: geminiBody,
    answer: { events: geminiStream.map((data): [undefined, object] => [undefined, data]) },
  },
  'gemini, streamed as an array': {
    ...gemini,
    path: '/v1beta/models/gemini-2.5-pro:streamGenerateContent',
    body: geminiBody,
    answer: geminiStream,
  },
  ollama: {
    ...ollama,
    body: { ...chatBody(false), model: 'qwen3:8b' },
    answer: ollamaLine({ content: 'I will pay — now.', ...ollamaCall }, ollamaDone),
  },
  'ollama, streamed': {
    ...ollama,
    body: { ...chatBody(true), model: 'qwen3:8b' },
    answer: {
      lines: [
        ollamaLine({ thinking: 'hm' }),
        ollamaLine({ content: 'I will pay ' }),
        ollamaLine({ content: '— now.' }),
        ollamaLine(ollamaCall),
        ollamaLine({}, ollamaDone),
      ],
    },
  },
};

export const TOOL_RESULT = RESULT;

export type Packing = 'identity' | 'gzip' | 'br';

/** Answers every request with the script's answer, in small pieces. */
export function standIn({ answer }: Pick<Script, 'answer'>, packing: Packing = 'identity', status = 200): Server {
  return createServer(async (req, res) => {
    for await (const _ of req);
    const isStream = 'events' in answer;
    const areLines = 'lines' in answer;
    const text = areLines
      ? answer.lines.map((line) => `${JSON.stringify(line)}\n`).join('')
      : isStream
        ? answer.events
            .map(([type, data]) => {
              const line = typeof data === 'string' ? data : JSON.stringify(data);
              return `${type === undefined ? '' : `event: ${type}\n`}data: ${line}\n\n`;
            })
            .join('')
        : JSON.stringify(answer);
    const plain = Buffer.from(text);
    const body = packing === 'gzip' ? gzipSync(plain) : packing === 'br' ? brotliCompressSync(plain) : plain;
    res.writeHead(status, {
      'content-type': areLines
        ? 'application/x-ndjson'
        : isStream
          ? 'text/event-stream; charset=utf-8'
          : 'application/json',
      ...(packing === 'identity' ? {} : { 'content-encoding': packing }),
    });
    for (let at = 0; at < body.length; at += 61) res.write(body.subarray(at, at + 61));
    res.end();
  });
}

/** Sends a script's request and reads the answer to its end. */
export function send(
  port: number,
  { path, headers, body }: Pick<Script, 'path' | 'headers' | 'body'>,
  pack: Packing = 'identity',
): Promise<void> {
  const plain = Buffer.from(JSON.stringify(body));
  const bytes = pack === 'gzip' ? gzipSync(plain) : plain;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': bytes.length,
          ...(pack === 'identity' ? {} : { 'content-encoding': pack }),
          ...headers,
        },
      },
      (response: IncomingMessage) => {
        response.resume();
        response.on('end', resolve);
      },
    );
    sent.on('error', reject);
    sent.end(bytes);
  });
}
