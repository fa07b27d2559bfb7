// Stand-in for a model API: streams its answers as the Messages API does. What it answers is decided in model.mjs, from
// the conversation that it is sent and from nothing else.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { nextTurn } from './model.mjs';
import { answer, serve } from './server.mjs';

const PIECE = 24; // characters a delta carries: small, so that clients really have to put the pieces together
const PAUSE = 2; // milliseconds between deltas

await serve({
  addresses: ['127.0.0.1'],
  keyOf: (headers) => headers['x-api-key'],
  handle: async ({ path, body }, response, record) => {
    if (path !== '/v1/messages') return answer(response, 404, { error: 'no such resource' });
    const turn = nextTurn(body.messages);
    record({
      kind: 'turn',
      asked: turn.calls.map((call) => call.name),
      documents: turn.seen.documents,
      instructedBy: turn.seen.instruction?.document,
      report: turn.seen.report,
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of streamEvents(turn, body.messages)) {
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      if (event.type === 'content_block_delta') await delay(PAUSE);
    }
    response.end();
  },
});

function* streamEvents({ text, calls }, messages) {
  const usage = { input_tokens: Math.ceil(JSON.stringify(messages).length / 4), output_tokens: 0 };
  yield {
    type: 'message_start',
    message: { id: `msg_${randomUUID()}`, type: 'message', role: 'assistant', model: 'stand-in-1', content: [], usage },
  };
  yield* streamBlock(0, { type: 'text', text: '' }, text, (piece) => ({ type: 'text_delta', text: piece }));
  for (const [index, { name, input }] of calls.entries()) {
    const block = { type: 'tool_use', id: `toolu_${randomUUID()}`, name, input: {} };
    const delta = (piece) => ({ type: 'input_json_delta', partial_json: piece });
    yield* streamBlock(index + 1, block, JSON.stringify(input), delta);
  }
  const length = text.length + JSON.stringify(calls).length;
  yield {
    type: 'message_delta',
    delta: { stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn' },
    usage: { output_tokens: Math.ceil(length / 4) },
  };
  yield { type: 'message_stop' };
}

function* streamBlock(index, block, text, delta) {
  yield { type: 'content_block_start', index, content_block: block };
  for (let at = 0; at < text.length; at += PIECE) {
    yield { type: 'content_block_delta', index, delta: delta(text.slice(at, at + PIECE)) };
  }
  yield { type: 'content_block_stop', index };
}
