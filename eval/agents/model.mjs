// A model whose words were written before: it asks for one tool after the other, and says a last word.
import { once } from 'node:events';
import { createServer as plain } from 'node:http';
import { createServer as secure } from 'node:https';
import { SHAPES } from './shapes.mjs';

/**
 * A stand-in of all the model APIs on the loopback.
 *
 * `plan`: the tool calls ({name, args}) that it asks for, in turn; may be set anew. A request without tools gets the
 * last word. `requests`: what it was sent, in order ({api, streamed, bytes, call, usage}: `call` is what it answered
 * with, `usage` the tokens that it said it had cost). What is no request to a model is answered with 404.
 *
 * @param {{plan?: object[], tls?: {cert: Buffer, key: Buffer}, port?: number, streams?: boolean}} [options]
 *   `tls`: https; `port`: any free one by default; `streams`: false refuses requests for a stream with 404
 * @returns {Promise<{port: number, plan: object[], requests: object[], close: () => void}>}
 */
export async function startModel({ plan = [], tls, port = 0, streams = true } = {}) {
  const answer = async (request, response) => {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    const { pathname } = new URL(request.url, 'http://model');
    const [api, shape] = Object.entries(SHAPES).find(([, { path }]) => path.test(pathname)) ?? [];
    const body = request.method === 'POST' && shape ? JSON.parse(text) : undefined;
    const streamed = body && shape.isStreamed(body, pathname);
    if (!body || (streamed && !streams)) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"not here"}}');
      return;
    }
    const call = shape.hasTools(body) ? model.plan[shape.answered(body)] : undefined;
    const number = model.requests.length + 1;
    const usage = { input: 1000 + number, output: 10 + number };
    model.requests.push({ api, streamed, bytes: Buffer.byteLength(text), call, usage });
    const said = { model: body.model ?? 'stand-in', text: 'done', call, usage };
    response.setHeader('content-type', streamed ? 'text/event-stream' : 'application/json');
    response.end(streamed ? shape.streamed(said) : JSON.stringify(shape.whole(said)));
  };
  const server = tls ? secure(tls, answer) : plain(answer);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const model = { port: server.address().port, plan, requests: [], close };
  function close() {
    server.close();
    server.closeAllConnections();
  }
  return model;
}
