import { randomBytes } from 'node:crypto';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import type { Chunk } from '../../../src/tls/index.js';
import { cpuMs } from '../../cpu.js';
import { random, scaled } from '../../scale.js';
import { SCRIPTS, type Script, send, standIn } from './apis.js';
import { chunksOf, hear, recorded, type Turn } from './tap.js';

vi.setConfig({ testTimeout: 120_000 });
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const out = (text: string | Buffer): Turn => ({ direction: 'out', bytes: Buffer.from(text as string, 'latin1') });
const back = (text: string | Buffer): Turn => ({ direction: 'in', bytes: Buffer.from(text as string, 'latin1') });
const POST = (length: number, more = '') =>
  `POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n${more}Content-Length: ${length}\r\n\r\n`;
const SSE_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n';
const ASKED = [out(`${POST(2)}{}`), back(SSE_HEAD)];
const CHAT = '{"model":"m","messages":[]}';
const ASKED_OLLAMA = [
  out(`${POST(CHAT.length).replace('/v1/messages', '/api/chat')}${CHAT}`),
  back('HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n'),
];

const script = SCRIPTS['anthropic messages, streamed'] as Script;
const record = async (): Promise<Turn[]> =>
  (await recorded(standIn(script), (port) => send(port, script)))[0] as Turn[];

describe('what is no message', () => {
  it.each<[string, Turn[], RegExp]>([
    ['a Content-Length that is no number', [out('GET / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n')], /Content-Length/],
    ['a Content-Length below zero', [out('GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n')], /Content-Length/],
    ['two lengths', [out('POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n')], /Parse Error/],
    ['a chunk below zero', [out('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabcdefgh')], /below zero/],
    ['another coding', [out('POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n')], /Transfer-Encoding/],
    ['a head without end', [out(`GET / HTTP/1.1\r\nX: ${'a'.repeat(200_000)}`)], /header size|does not end/],
    [
      'trailers without end',
      [out(`POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(50_000)}`)],
      /does not end/,
    ],
    ['a database', [out(randomBytes(100))], /not HTTP/],
    ['TLS within TLS', [out(Buffer.concat([Buffer.from('1603010200', 'hex'), randomBytes(512)]))], /not HTTP/],
  ])('%s is reported, and the rest goes on', async (_name, turns, reason) => {
    const good = chunksOf(await record(), 'good');
    const heard = hear([...chunksOf(turns, 'bad'), ...good]);
    const gap = heard.of('conversation_gap').find(({ connection }) => connection === 'bad');
    expect(gap?.reason).toMatch(reason);
    expect(heard.of('llm_response').filter(({ connection }) => connection === 'good')).toHaveLength(1);
  });

  it('a Content-Length that promises more than comes marks the message', () => {
    const heard = hear(chunksOf([out(`${POST(1000)}{"a":1}`)]));
    expect(heard.one('http_request')).toMatchObject({ incomplete: true, content_bytes: 7 });
  });

  it('binary where JSON is due is reported', () => {
    const body = randomBytes(500);
    const heard = hear(
      chunksOf([
        out(POST(body.length)),
        { direction: 'out', bytes: body },
        back('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'),
      ]),
    );
    expect(heard.one('llm_request')).toMatchObject({ incomplete: true, reason: 'its body could not be read' });
    expect(heard.one('llm_response')).toMatchObject({ incomplete: true, reason: 'it could not be read' });
    expect(heard.one('http_request').incomplete).toBeUndefined();
  });
});

describe('bytes that are missing', () => {
  it('in a body mark that message, and the next ones are whole', async () => {
    const turns = [...(await record()), ...(await record())];
    const chunks = chunksOf(turns, 'c1', 200);
    const index = chunks.findIndex(({ direction, offset }) => direction === 'out' && offset >= 400);
    const heard = hear(chunks.filter((_, i) => i !== index));
    expect(heard.of('http_request').map(({ incomplete }) => incomplete)).toEqual([true, undefined]);
    expect(heard.of('http_request')[0]).toMatchObject({ reason: 'bytes of it are missing' });
    expect(heard.of('http_request')[0]?.content_hmac).toBeUndefined();
    expect(heard.of('llm_response')[1]).toMatchObject({ stop_reason: 'tool_use', tool_calls: 1 });
  });

  it.each(['http1', 'http2'])('anywhere never make a wrong message of it (%s)', async (version) => {
    const turns = version === 'http1' ? [...(await record()), ...(await record())] : await http2Turns();
    const whole = hear(chunksOf(turns));
    const facts = ({ http_path, content_hmac, content_bytes, http_status }: Record<string, unknown>) =>
      JSON.stringify({ http_path, content_hmac, content_bytes, http_status });
    const truth = new Set(whole.events.filter(({ event_type }) => /^http/.test(String(event_type))).map(facts));
    const chunks = chunksOf(turns, 'c1', 100);
    const draw = random(`gaps ${version}`);
    for (let round = 0; round < scaled(200); round++) {
      const from = Math.floor(draw() * chunks.length);
      const count = 1 + Math.floor(draw() * 3);
      const heard = hear(chunks.filter((_, i) => i < from || i >= from + count));
      for (const event of heard.events) {
        const isHttp = /^http/.test(String(event.event_type));
        // What is not known is not there: a path from a table, or of a request that is lost.
        if (isHttp && event.incomplete !== true && event.http_path && event.http_status !== 0)
          expect(truth, `without ${count} from ${from}`).toContain(facts(event));
      }
      const isMarked = heard.events.some(({ incomplete }) => incomplete === true);
      if (count < chunks.length && heard.events.length !== whole.events.length) expect(isMarked).toBe(true);
    }
  });

  it('that come too late are put in their place', async () => {
    const chunks = chunksOf(await record(), 'c1', 100);
    const draw = random('late');
    const mixed: Chunk[] = [...chunks];
    for (let i = 0; i + 1 < mixed.length; i++)
      if (mixed[i]?.direction === mixed[i + 1]?.direction && draw() < 0.3)
        [mixed[i], mixed[i + 1]] = [mixed[i + 1] as Chunk, mixed[i] as Chunk];
    const types = (of: Iterable<Chunk>) =>
      hear(of).events.map(({ event_type, content_hmac }) => [event_type, content_hmac]);
    expect(types(mixed)).toEqual(types(chunks));
  });
});

async function http2Turns(): Promise<Turn[]> {
  const server = createHttp2();
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain' });
    stream.end(`${headers[':path']} `.repeat(30));
    stream.resume();
  });
  const [turns] = await recorded(server, async (port) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    for (let i = 0; i < 8; i++)
      await new Promise<void>((resolve) => {
        const stream = session.request({ ':path': `/p${i}`, ':method': 'POST', 'x-a': `v${i}`, 'x-b': 'same' });
        stream.on('close', () => resolve()).resume();
        stream.end(randomBytes(120));
      });
    session.close();
    await new Promise((resolve) => session.on('close', resolve));
  });
  return turns as Turn[];
}

/** The most that is held while the chunks are read, in bytes above what was held before. */
function peak(chunks: Iterable<Chunk>): { bytes: number; heard: ReturnType<typeof hear> } {
  collect();
  const held = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = held();
  let most = 0;
  const watched = (function* () {
    let count = 0;
    for (const chunk of chunks) {
      yield chunk;
      count += 1;
      if (count % 256 === 0 && held() - before > most) {
        // Only what cannot be collected counts.
        collect();
        most = Math.max(most, held() - before);
      }
    }
  })();
  const heard = hear(watched);
  return { bytes: most, heard };
}

/** The same piece in one direction, again and again. */
function* endless(
  turns: readonly Turn[],
  piece: Buffer,
  total: number,
  direction: 'in' | 'out' = 'in',
): Generator<Chunk> {
  const first = chunksOf(turns);
  yield* first;
  const last = first.filter((chunk) => chunk.direction === direction).at(-1);
  let offset = last === undefined ? 0 : last.offset + last.bytes.length;
  const template = first[0] as Chunk;
  for (let sent = 0; sent < total; sent += piece.length) {
    yield { ...template, ts_us: 2_000_000 + sent, direction, offset, bytes: piece, more: 0 };
    offset += piece.length;
  }
}

/** Nothing but frames may be, a byte at a time, each from a buffer of its own. */
function* slowFrames(total: number): Generator<Chunk> {
  const head = Buffer.from('004000000000000001', 'hex');
  const [template] = chunksOf([back('x')]);
  for (let offset = 0; offset < total; offset++) {
    const bytes = Buffer.alloc(65_536, head[offset % (head.length + 0x4000)] ?? 0).subarray(0, 1);
    yield { ...(template as Chunk), offset, bytes };
  }
}

/** One request on each of many connections, from a large buffer of its own. */
function* manyConnections(count: number): Generator<Chunk> {
  const [template] = chunksOf([out('GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n')]);
  const { bytes } = template as Chunk;
  for (let i = 0; i < count; i++)
    yield {
      ...(template as Chunk),
      connection: `c${i}`,
      bytes: Buffer.concat([bytes, Buffer.alloc(2 ** 18)]).subarray(0, bytes.length),
    };
}

/** Requests to a model with results of calls whose names are long. */
function* longNames(count: number): Generator<Chunk> {
  const turns = (i: number) => {
    const result = { role: 'tool', tool_call_id: `${i}`.padEnd(2 ** 20, 'x'), content: 'x' };
    const body = JSON.stringify({ model: 'm', messages: [result] });
    return [out(`${POST(body.length).replace('/v1/messages', '/chat/completions')}${body}`)];
  };
  for (let i = 0; i < count; i++) yield* chunksOf(turns(i), `c${i}`);
}

const MOST = 64 << 20;
const TOTAL = scaled(2 ** 28);

describe('what never ends', () => {
  it.each<[string, Iterable<Chunk>]>(
    [
      ['an event that is never complete', endless(ASKED, Buffer.alloc(16_384, 'data: aaaaaaa'), TOTAL)],
      ['a line that is never complete', endless(ASKED_OLLAMA, Buffer.alloc(16_384, '{"a":"aaaaaa'), TOTAL)],
      ['endless lines', endless(ASKED_OLLAMA, Buffer.from('{"done":false}\n'.repeat(1000)), TOTAL / 8)],
      ['an event of endless lines', endless(ASKED, Buffer.from('data: x\n'.repeat(2000)), TOTAL / 8)],
      ['endless events', endless(ASKED, Buffer.from('data: {"type":"ping"}\n\n'.repeat(700)), TOTAL / 8)],
      [
        'a text without end',
        endless(
          ASKED,
          Buffer.from(
            `data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"${'x'.repeat(9000)}"}}\n\n`,
          ),
          TOTAL / 2,
        ),
      ],
      [
        'arguments without end',
        endless(
          [
            ...ASKED,
            back('data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","name":"x"}}\n\n'),
          ],
          Buffer.from(
            `data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"${'x'.repeat(9000)}"}}\n\n`,
          ),
          TOTAL / 2,
        ),
      ],
      ['a body of terabytes', endless([out(POST(2 ** 45))], Buffer.alloc(16_384, '['), TOTAL, 'out')],
      [
        'a body without a known end',
        endless([out(`${POST(2)}{}`), back('HTTP/1.1 200 OK\r\n\r\n')], Buffer.alloc(16_384, ','), TOTAL),
      ],
      ['bytes of nothing known', endless([out(Buffer.alloc(100))], Buffer.alloc(16_384, 7), TOTAL, 'out')],
      [
        'requests without answers',
        endless(
          [out('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
          Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100)),
          TOTAL / 64,
          'out',
        ),
      ],
      [
        'frames of a stream that nobody opened',
        endless(
          [out('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
          Buffer.from(`\0\0\x08\0\0\0\0\0\x01${'x'.repeat(8)}`.repeat(900), 'latin1'),
          TOTAL / 16,
          'out',
        ),
      ],
      ['frames, a byte at a time', slowFrames(2 ** 14)],
      ['requests that are never complete', manyConnections(1024)],
      ['calls with long names', longNames(scaled(800))],
      [
        'a header block without end',
        endless(
          [out(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x01\x01\0\0\0\0\x01\x82`)],
          Buffer.from(`\0\x3f\xff\x09\0\0\0\0\x01${'\x82'.repeat(16_383)}`, 'latin1'),
          TOTAL / 16,
          'out',
        ),
      ],
    ].map(([name, chunks]) => [name as string, chunks as Iterable<Chunk>]),
  )('%s is read in bounded memory', (_name, chunks) => {
    const { bytes, heard } = peak(chunks);
    expect(bytes).toBeLessThan(MOST);
    expect(heard.events.some(({ incomplete }) => incomplete === true)).toBe(true);
  });

  it('costs as much for each byte, however it is cut', () => {
    const cost = (size: number, piece: number) => {
      const chunks = [...endless(ASKED, Buffer.from(`data: ${'x'.repeat(piece - 8)}\n\n`), size)];
      return cpuMs(() => hear(chunks));
    };
    cost(1 << 20, 1000);
    const small = cost(1 << 20, 1000);
    const large = cost(8 << 20, 1000);
    // Quadratic would be 64 times.
    expect(large).toBeLessThan(24 * Math.max(small, 5));
  });
});

describe('what unpacks to more than it is', () => {
  const bomb = Buffer.alloc(64 << 20, '{"a":1}');
  it.each([
    ['gzip', gzipSync(bomb)],
    ['deflate', deflateSync(bomb)],
    ['gzip, gzip', gzipSync(gzipSync(bomb))],
    ['gzip', Buffer.from('no gzip at all')],
    ['lzma', Buffer.from('x')],
    ['br', randomBytes(2000)],
    ['zstd', Buffer.concat([Buffer.from('28b52ffd', 'hex'), randomBytes(200)])],
    ['gzip,gzip,gzip,gzip,gzip', Buffer.from('x')],
  ])('(%s) is reported', (coding, body) => {
    const heard = hear(
      chunksOf([out(POST(body.length, `Content-Encoding: ${coding}\r\n`)), { direction: 'out', bytes: body }]),
    );
    expect(heard.one('llm_request')).toMatchObject({ incomplete: true });
    expect(heard.one('llm_request').reason).toMatch(/could not be (?:undone|read)/);
    expect(heard.one('http_request').content_bytes).toBe(body.length);
  });

  it('(JSON) is not parsed', () => {
    for (const body of ['['.repeat(2 << 20), '[],'.repeat(1 << 20), `{"messages":[${'{},'.repeat(1 << 20)}{}]}`]) {
      const { bytes, heard } = peak(chunksOf([out(POST(body.length)), out(body)]));
      expect(heard.one('llm_request')).toMatchObject({ incomplete: true });
      expect(bytes).toBeLessThan(MOST);
    }
  });

  it('(HPACK) is reported', () => {
    // A field of 4,000 bytes into the table, and then its index as often as a block may hold.
    const value = 'v'.repeat(3900);
    const literal = Buffer.concat([
      Buffer.from([0x40, 1]),
      Buffer.from('n'),
      Buffer.from([0x7f, 0xbd, 0x1d]),
      Buffer.from(value),
    ]);
    const block = Buffer.concat([literal, Buffer.alloc(12_000, 0xbe)]);
    const frame = Buffer.alloc(9);
    frame.writeUIntBE(block.length, 0, 3);
    frame[3] = 1;
    frame[4] = 4;
    frame[8] = 1;
    const heard = hear(chunksOf([out('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), out(Buffer.concat([frame, block]))]));
    expect(heard.one('conversation_gap').reason).toMatch(/a head of more than/);
  });
});

describe('JSON of another shape', () => {
  const VALUES: unknown[] = [
    { toString: 1, valueOf: 1 },
    [{ toString: 1 }],
    [],
    {},
    null,
    true,
    -1,
    1e308,
    '',
    'x'.repeat(3000),
  ];

  /** A copy in which some members are something else, or gone. */
  const changed = (value: object, draw: () => number): unknown => {
    const root = structuredClone({ value });
    const members: [Record<string, unknown>, string][] = [];
    const walk = (of: Record<string, unknown>): void => {
      for (const [name, item] of Object.entries(of)) {
        members.push([of, name]);
        if (typeof item === 'object' && item !== null) walk(item as Record<string, unknown>);
      }
    };
    walk(root);
    for (let i = 0; i < 3; i++) {
      const [of, name] = members[Math.floor(draw() * members.length)] as [Record<string, unknown>, string];
      const what = Math.floor(draw() * (VALUES.length + 1));
      if (what === VALUES.length) delete of[name];
      else of[name] = VALUES[what];
    }
    return root.value;
  };

  const mcp = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'n', arguments: { a: 1 } } };
  const mcpAnswers = [
    { jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'x' }], isError: true } },
    { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'x' } },
  ];
  const talks = [
    ...Object.values(SCRIPTS),
    ...mcpAnswers.map((answer) => ({ ...script, path: '/mcp', body: mcp, answer }) as Script),
  ];

  it('is no fault of ours', () => {
    const draw = random('shapes');
    for (let round = 0; round < scaled(8000); round++) {
      const { path, body, answer } = talks[round % talks.length] as Script;
      const some = (value: object) => JSON.stringify(draw() < 0.4 ? changed(value, draw) : value) ?? '';
      const [type, text] =
        'events' in answer
          ? ['text/event-stream', answer.events.map(([, data]) => `data: ${some(data as object)}\n\n`).join('')]
          : 'lines' in answer
            ? ['application/x-ndjson', answer.lines.map(some).join('\n')]
            : ['application/json', some(answer)];
      const asked = some(body);
      const head = `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
      const question = POST(Buffer.byteLength(asked)).replace('/v1/messages', draw() < 0.3 ? '/route' : path);
      const heard = hear(
        chunksOf([
          { direction: 'out', bytes: Buffer.from(`${question}${asked}`) },
          { direction: 'in', bytes: Buffer.from(`${head}${text}`) },
        ]),
        { captureContent: round % 2 === 0 },
      );
      // As our own fault is told, the rest of the connection would not be read.
      const gap = heard.of('conversation_gap')[0];
      expect(gap, `${asked}\n${text}`).toBeUndefined();
    }
  });
});

describe('random bytes', () => {
  it('in the place of any do no harm', async () => {
    const sources = [await record(), await http2Turns()];
    const draw = random('fuzz');
    for (let round = 0; round < scaled(3000); round++) {
      const turns = (sources[round % 2] as Turn[]).map(({ direction, bytes }) => ({
        direction,
        bytes: Buffer.from(bytes),
      }));
      const hits = 1 + Math.floor(draw() * 4);
      for (let i = 0; i < hits; i++) {
        const { bytes } = turns[Math.floor(draw() * turns.length)] as Turn;
        bytes[Math.floor(draw() * bytes.length)] = Math.floor(draw() * 256);
      }
      // Each event is held to the registry there; a fault of ours would be told as such.
      const heard = hear(chunksOf(turns, 'c1', 1 + Math.floor(draw() * 500)));
      for (const { reason } of heard.events) expect(reason ?? '').not.toMatch(/agentgov could not/);
    }
  });
});
