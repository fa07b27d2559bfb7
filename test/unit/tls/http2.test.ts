import { randomBytes } from 'node:crypto';
import { type ClientHttp2Session, connect, constants, createServer } from 'node:http2';
import { describe, expect, it, vi } from 'vitest';
import { random } from '../../scale.js';
import { expectTheSameHoweverCut } from './cuts.js';
import { chunksOf, hear, joinedAt, recorded, redactor, type Turn } from './tap.js';

vi.setConfig({ testTimeout: 60_000 });

const keyed = (bytes: Buffer | string): string => redactor.hash().update(bytes).digest('hex');

function ask(session: ClientHttp2Session, path: string, body?: Buffer, extra: Record<string, string> = {}) {
  return new Promise<void>((resolve, reject) => {
    const stream = session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST', ...extra });
    stream.on('error', reject);
    stream.on('close', () => resolve());
    stream.resume();
    stream.end(body);
  });
}

interface Seen {
  path: string;
  body: Buffer;
  answer: Buffer;
}

/** Many streams at once, padded frames, a head of several frames, and trailers. */
async function conversation(padding = constants.PADDING_STRATEGY_NONE) {
  const record: Seen[] = [];
  const server = createServer({ paddingStrategy: padding });
  server.on('stream', async (stream, headers) => {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    const path = String(headers[':path']);
    const body = Buffer.concat(parts);
    const answer = Buffer.from(`${path} ${body.toString('hex')}`.repeat(4));
    record.push({ path, body, answer });
    stream.additionalHeaders({ ':status': 103, link: '</x>' });
    stream.respond(
      { ':status': 201, 'content-type': 'text/x-answer', 'x-long': 'v'.repeat(200) },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': 'yes' }));
    for (let at = 0; at < answer.length; at += 150) stream.write(answer.subarray(at, at + 150));
    stream.end();
  });
  const turns = await recorded(server, async (port) => {
    const session = connect(`http://127.0.0.1:${port}`, { paddingStrategy: padding });
    const draw = random('http2');
    const many = Array.from({ length: 20 }, (_, i) =>
      ask(session, `/s${i}`, i % 3 === 0 ? undefined : randomBytes(1 + Math.floor(draw() * 400)), {
        'x-n': `${i % 4}`,
      }),
    );
    await Promise.all(many);
    for (let i = 0; i < 6; i++) await ask(session, `/later${i % 3}`, randomBytes(40), { 'x-n': `${i % 2}` });
    await ask(session, '/big', undefined, { 'x-big': randomBytes(10_000).toString('hex') });
    session.close();
    await new Promise((resolve) => session.on('close', resolve));
  });
  return { turns: turns[0] as Turn[], record };
}

describe('HTTP/2', () => {
  it.each([
    ['plain', constants.PADDING_STRATEGY_NONE],
    ['padded', constants.PADDING_STRATEGY_MAX],
  ])('tells every stream, as the server has it (%s frames)', async (_name, padding) => {
    const { turns, record } = await conversation(padding);
    const heard = hear(chunksOf(turns));
    expect(heard.of('conversation_gap')).toEqual([]);
    expect(heard.events).toHaveLength(2 * record.length);
    for (const { path, body, answer } of record) {
      const hmac = body.length > 0 ? keyed(body) : undefined;
      const asked = heard.of('http_request').find((e) => e.http_path === path && e.content_hmac === hmac);
      expect(asked).toMatchObject({ content_bytes: body.length, http_version: '2' });
      const answered = heard.of('http_response').find(({ cause_seq }) => cause_seq === asked?.seq);
      expect(answered).toMatchObject({
        http_path: path,
        http_status: 201,
        content_type: 'text/x-answer',
        content_bytes: answer.length,
        content_hmac: keyed(answer),
      });
      expect(answered?.incomplete).toBeUndefined();
    }
  });

  it('does so however the bytes are cut', async () => {
    const { turns } = await conversation();
    expectTheSameHoweverCut(turns, 100);
  });

  it('marks what it joins in the middle, and takes no old header for another', async () => {
    const { turns } = await conversation();
    const whole = hear(chunksOf(turns));
    const truth = new Map(whole.of('http_request').map((event) => [event.content_hmac ?? event.http_path, event]));
    const chunks = chunksOf(turns);
    let understood = 0;
    for (let from = 1; from < chunks.length; from++) {
      const heard = hear(joinedAt(chunks, from), {}, [{ connection: 'c1', joined: true }]);
      for (const event of heard.events) expect(event.joined_midway).toBe(true);
      for (const event of heard.of('http_request')) {
        // What stood in the table before is not known, and not guessed.
        if (event.http_path === '' || event.content_hmac === undefined) continue;
        expect(truth.get(event.content_hmac)?.http_path).toBe(event.http_path);
        understood += 1;
      }
    }
    expect(understood).toBeGreaterThan(0);
  });

  it('marks a stream that is reset', async () => {
    const server = createServer();
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      stream.write('beginning');
    });
    const [turns = []] = await recorded(server, async (port) => {
      const session = connect(`http://127.0.0.1:${port}`);
      const stream = session.request({ ':path': '/x' });
      stream.on('data', () => stream.close(constants.NGHTTP2_CANCEL));
      await new Promise((resolve) => stream.on('close', resolve));
      session.close();
      await new Promise((resolve) => session.on('close', resolve));
    });
    const heard = hear(chunksOf(turns));
    expect(heard.one('http_response')).toMatchObject({
      http_status: 200,
      incomplete: true,
      reason: 'its stream was reset',
    });
  });
});
