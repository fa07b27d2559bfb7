import https from 'node:https';
import { postJson } from './http.mjs';

/**
 * A client of the streaming Messages API (the shape of Anthropic's `POST /v1/messages` with `stream: true`).
 * Connections are kept alive, as the vendors' own SDKs do: many turns share one connection.
 */
export function createModelClient({ url, key, ca }) {
  const agent = new https.Agent({ keepAlive: true, ca });
  return {
    /** One turn: the conversation so far in, the assistant's content blocks out. */
    async complete({ system, messages, tools }) {
      const response = await postJson(new URL('/v1/messages', url), {
        agent,
        headers: { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
        body: { model: 'stand-in-1', max_tokens: 1024, stream: true, system, messages, tools },
      });
      return readTurn(response);
    },
    close: () => agent.destroy(),
  };
}

/** Puts the content blocks of one streamed answer together. Rejects when the stream ends before `message_stop`. */
export async function readTurn(stream) {
  const blocks = [];
  let complete = false;
  // Read to the end of the stream, past message_stop: a stream that is left early takes its connection with it.
  for await (const event of readEvents(stream)) {
    if (event.type === 'content_block_start') blocks[event.index] = { ...event.content_block, json: '' };
    else if (event.type === 'content_block_delta') {
      const block = blocks[event.index];
      if (event.delta.type === 'text_delta') block.text += event.delta.text;
      else if (event.delta.type === 'input_json_delta') block.json += event.delta.partial_json;
    } else if (event.type === 'message_stop') complete = true;
  }
  if (!complete) throw new Error('the model ended its answer in the middle');
  return blocks.map(finishBlock);
}

function finishBlock({ json, ...block }) {
  return block.type === 'tool_use' ? { ...block, input: JSON.parse(json || '{}') } : block;
}

/** Server-sent events: fields by line, an empty line ends an event (WHATWG HTML, section 9.2). */
async function* readEvents(stream) {
  let buffer = '';
  for await (const chunk of stream) {
    buffer += chunk;
    const parts = buffer.split('\n\n');
    buffer = parts.pop();
    for (const part of parts) {
      const data = part.split('\n').filter((line) => line.startsWith('data: '));
      if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(6)).join('\n'));
    }
  }
}
