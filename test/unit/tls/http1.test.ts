import { randomBytes } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { expectTheSameHoweverCut } from './cuts.js';
import { chunksOf, hear, joinedAt, recorded, redactor, type Turn } from './tap.js';

vi.setConfig({ testTimeout: 60_000 });

const keyed = (bytes: Buffer | string): string => redactor.hash().update(bytes).digest('hex');

function ask(options: RequestOptions, body?: Buffer | string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', ...options }, async (response: IncomingMessage) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      resolve(Buffer.concat(parts));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A server that answers with what its path asks for, and keeps its own record. */
function echoServer() {
  const record: { path: string; body: Buffer; answer: Buffer }[] = [];
  const server = createServer(async (req, res) => {
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const answer = Buffer.from(`${req.url} ${body.toString('hex')}`.repeat(3));
    record.push({ path: req.url ?? '', body, answer: req.method === 'HEAD' ? Buffer.alloc(0) : answer });
    res.setHeader('content-type', 'text/x-answer');
    if (req.url?.includes('sized')) res.setHeader('content-length', answer.length);
    if (req.method === 'HEAD') res.setHeader('content-length', answer.length);
    for (let at = 0; at < answer.length; at += 100) res.write(answer.subarray(at, at + 100));
    res.end();
  });
  return { server, record };
}

/** Several requests on one connection that is kept. */
async function conversation() {
  const { server, record } = echoServer();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const turns = await recorded(server, async (port) => {
    await ask({ port, agent, path: '/one?x=1' });
    await ask({ port, agent, path: '/sized/two', method: 'POST' }, randomBytes(300));
    await ask({ port, agent, path: '/three', method: 'PUT', headers: { 'transfer-encoding': 'chunked' } }, 'chunks');
    await ask({ port, agent, path: '/four', method: 'HEAD' });
    await ask({ port, agent, path: '/five', method: 'POST', headers: { expect: '100-continue' } }, 'continued');
    agent.destroy();
  });
  expect(turns).toHaveLength(1);
  return { turns: turns[0] as Turn[], record };
}

describe('HTTP/1.1', () => {
  it('tells every request and its response, as the server has them', async () => {
    const { turns, record } = await conversation();
    const heard = hear(chunksOf(turns));
    expect(heard.events).toHaveLength(2 * record.length);
    record.forEach(({ path, body, answer }, i) => {
      const [asked, answered] = heard.events.slice(2 * i, 2 * i + 2);
      expect(asked).toMatchObject({ event_type: 'http_request', http_path: path, content_bytes: body.length });
      expect(asked?.content_hmac).toBe(body.length > 0 ? keyed(body) : undefined);
      expect(answered).toMatchObject({
        event_type: 'http_response',
        http_path: path,
        http_status: 200,
        content_type: 'text/x-answer',
        content_bytes: answer.length,
        cause_seq: asked?.seq,
      });
      expect(answered?.content_hmac).toBe(answer.length > 0 ? keyed(answer) : undefined);
      expect(answered?.incomplete).toBeUndefined();
    });
  });

  it('does so however the bytes are cut', async () => {
    const { turns } = await conversation();
    expectTheSameHoweverCut(turns, 300);
  });

  it('pairs pipelined requests, and hears a server before its client', async () => {
    const { server } = echoServer();
    const [turns = []] = await recorded(
      server,
      (port) =>
        new Promise((resolve) => {
          const socket = connect(port, '127.0.0.1', () => {
            socket.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n');
            socket.write('GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
          });
          socket.on('close', resolve).resume();
        }),
    );
    const heard = hear(chunksOf(turns));
    expect(heard.of('http_response').map(({ http_path }) => http_path)).toEqual(['/a', '/b', '/c']);
    const backwards = [...turns].sort((a, b) => (a.direction < b.direction ? -1 : 1));
    expect(backwards[0]?.direction).toBe('in');
    const late = hear(chunksOf(backwards));
    expect(late.of('http_response').map(({ http_path }) => http_path)).toEqual(['/a', '/b', '/c']);
    expect(late.of('http_response').every(({ cause_seq }) => cause_seq !== undefined)).toBe(true);
  });

  it('knows the server too when the governed process is one', async () => {
    const { turns } = await conversation();
    const mirrored = turns.map(({ direction, bytes }) => ({
      bytes,
      direction: direction === 'in' ? ('out' as const) : ('in' as const),
    }));
    const paths = (heard: ReturnType<typeof hear>) => heard.of('http_response').map(({ http_path }) => http_path);
    expect(paths(hear(chunksOf(mirrored)))).toEqual(paths(hear(chunksOf(turns))));
  });

  it('joins in the middle, and reads on where a message begins', async () => {
    const { turns } = await conversation();
    const whole = hear(chunksOf(turns)).of('http_response');
    const chunks = chunksOf(turns, 'c1', 60);
    for (let from = 1; from < chunks.length; from += 3) {
      const heard = hear(joinedAt(chunks, from), {}, [{ connection: 'c1', joined: true }]);
      for (const event of heard.events) expect(event.joined_midway).toBe(true);
      const paths = heard.of('http_response').flatMap(({ http_path, incomplete }) => (incomplete ? [] : [http_path]));
      const ends = whole.slice(whole.length - paths.length).map(({ http_path }) => http_path);
      expect(paths.map((path, i) => path ?? ends[i])).toEqual(ends);
      if (from < chunks.length / 3) expect(paths.length, `from ${from}`).toBeGreaterThan(1);
    }
  });

  it('says what is cut off by the end', async () => {
    const { turns } = await conversation();
    const heard = hear(chunksOf(turns.slice(0, 1)));
    expect(heard.one('http_response')).toMatchObject({ incomplete: true, http_path: '/one?x=1' });
    expect(heard.one('http_response').http_status).toBeUndefined();
  });
});
